"""Health checks and probes of a container, as one line: what the engine's own description says of them.

``NONE``: the container has none. A kubelet tells no engine of its probes; those of a pod that was made with
``kubectl apply`` are in the pod's annotation that keeps what was applied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tuimon.enrich.engines.engine import mapping

NONE: Final = "NONE"
_LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_DOCKERS: Final = f"annotation.{_LAST_APPLIED}"
_MAX_TEXT: Final = 1 << 20


def healthcheck(config: Mapping[str, Any]) -> str:
    """Return the command of an image's or container's ``Healthcheck`` (Docker's and Podman's JSON)."""
    test = mapping(config.get("Healthcheck")).get("Test")
    words = [word for word in test if isinstance(word, str)] if isinstance(test, list) else []
    if not words or words[0] == NONE:
        return NONE
    if words[0] == "CMD-SHELL":
        return " ".join(("/bin/sh -c", *words[1:]))
    return " ".join(words[1:] if words[0] == "CMD" else words)


def probes(said: Mapping[str, str], container: str) -> tuple[str, str]:
    """Return the commands of the liveness and the readiness probe of a container.

    Args:
        said: Annotations of its pod, or Docker's labels that repeat them.
        container: Its name in the pod.
    """
    spec = mapping(_applied(said).get("spec"))
    listed = spec.get("containers")
    for entry in listed if isinstance(listed, list) else ():
        if mapping(entry).get("name") == container:
            return _command(entry, "livenessProbe"), _command(entry, "readinessProbe")
    return NONE, NONE


def _applied(said: Mapping[str, str]) -> Mapping[str, Any]:
    text = said.get(_LAST_APPLIED) or said.get(_DOCKERS) or ""
    try:
        return mapping(json.loads(text)) if 0 < len(text) <= _MAX_TEXT else {}
    except (ValueError, RecursionError):
        return {}


def _command(container: Mapping[str, Any], probe: str) -> str:
    command = mapping(mapping(container.get(probe)).get("exec")).get("command")
    words = [word for word in command if isinstance(word, str)] if isinstance(command, list) else []
    return " ".join(words) or NONE
