"""container.* and k8s.*: known, not known yet, or not there."""

from __future__ import annotations

from tests.builders import BOOT_TO_EPOCH_NS, TS_NS, container, open_event, process
from tests.fields.test_evt import get
from tuimon import fields
from tuimon.events import HOST, Container, Mount
from tuimon.fields.registry import UNKNOWN

MOUNTS = (Mount("/var/lib/x", "/data", "ro", False, "rprivate"), Mount("/etc", "/host/etc", "", True, "rslave"))


def _told() -> list[str]:
    skipped = ("container.id", "container.full_id", "container.name", "proc.is_container")
    return [
        info.name
        for info in fields.all_fields()
        if info.group in ("container", "k8s") and info.get is not None and not info.name.startswith(skipped)
    ]


def test_the_host():
    """It has an id and a name, and nothing else."""
    event = open_event("/x", container=HOST)
    assert get("container.id", event) == get("container.name", event) == get("container.full_id", event) == "host"
    for name in _told():
        assert get(name, event, "0") is None, name


def test_a_container_whose_engine_answered():
    """All that an engine tells."""
    box = container(
        mounts=MOUNTS,
        labels={"app": "web", "a.b/c": "d"},
        image_digest="sha256:1",
        image_id="abc",
        ip="172.17.0.2",
        privileged=True,
        host_pid=False,
        start_time_ns=BOOT_TO_EPOCH_NS,
    )
    event = open_event("/x", container=box)
    assert get("container.id", event) == "3ad7b26ded6d"
    assert len(str(get("container.full_id", event))) == 64
    assert get("container.name", event) == "web"
    assert get("container.image", event) == "docker.io/library/nginx:1.27"
    assert get("container.image.repository", event) == "docker.io/library/nginx"
    assert get("container.image.tag", event) == "1.27"
    assert get("container.image.digest", event) == "sha256:1"
    assert get("container.image.id", event) == "abc"
    assert get("container.type", event) == "docker"
    assert get("container.privileged", event) is True
    assert get("container.host_pid", event) is False
    assert get("container.host_ipc", event) is None
    assert get("container.ip", event) == "172.17.0.2"
    assert get("container.labels", event) == "app:web, a.b/c:d"
    assert get("container.label", event, "a.b/c") == "d"
    assert get("container.label", event, "none") is None
    assert get("container.start_ts", event) == BOOT_TO_EPOCH_NS
    assert get("container.duration", event) == TS_NS
    assert get("k8s.pod.name", event) is None


def test_mounts_by_number_and_pattern():
    """SOURCE:DEST:MODE:RDWR:PROPAGATION."""
    event = open_event("/x", container=container(mounts=MOUNTS))
    one = "/var/lib/x:/data:ro:false:rprivate"
    assert get("container.mounts", event) == f"{one},/etc:/host/etc::true:rslave"
    assert get("container.mount", event, "0") == get("container.mount", event, "/var/lib/*") == one
    assert get("container.mount", event, "7") is None
    assert get("container.mount", event, "/nothing*") is None
    assert get("container.mount.dest", event, "/etc") == "/host/etc"
    assert get("container.mount.source", event, "/data") == "/var/lib/x"
    assert get("container.mount.mode", event, "0") == "ro"
    assert get("container.mount.rdwr", event, "/etc") == "true"
    assert get("container.mount.propagation", event, "1") == "rslave"


def test_metadata_on_its_way_is_unknown_not_absent():
    """Judged again once it is known; the id is known at once."""
    event = open_event("/x", container=container(known=False))
    assert get("container.id", event) == "3ad7b26ded6d"
    assert get("container.name", event) is UNKNOWN
    for name in _told():
        if name not in ("container.start_ts", "container.duration"):
            assert get(name, event, "x") is UNKNOWN, name


def test_what_is_known_early_is_used_early():
    """An engine may be known by the cgroup's path before it answers; a name may come from elsewhere."""
    event = open_event("/x", container=Container(id="a", engine="podman", name="n"))
    assert get("container.type", event) == "podman"
    assert get("container.name", event) == "n"
    assert get("container.full_id", event) == "a"


def test_nobody_knows_yet_whether_it_is_a_container():
    """Every field waits."""
    event = open_event("/x", container=None)
    assert get("container.id", event) is UNKNOWN
    for name in _told():
        assert get(name, event, "x") is UNKNOWN, name


def test_the_start_of_a_container_may_come_from_its_pid_namespace():
    """Where no engine tells it."""
    event = open_event("/x", container=container(), process=process("x", pidns_start_ns=7))
    assert get("container.start_ts", event) == 7 + BOOT_TO_EPOCH_NS
    assert get("container.start_ts", open_event("/x", container=container())) is None


def test_pods():
    """As the engine's own labels tell them."""
    box = container(
        pod_name="web-7f9c",
        pod_namespace="shop",
        pod_uid="u-1",
        pod_sandbox_id="0123456789abcdef",
        pod_labels={"app": "web"},
        pod_ip="10.1.2.3",
    )
    event = open_event("/x", container=box)
    assert get("k8s.pod.name", event) == "web-7f9c"
    assert get("k8s.ns.name", event) == "shop"
    assert get("k8s.pod.uid", event) == get("k8s.pod.id", event) == "u-1"
    assert get("k8s.pod.sandbox_id", event) == "0123456789ab"
    assert get("k8s.pod.full_sandbox_id", event) == "0123456789abcdef"
    assert get("k8s.pod.labels", event) == "app:web"
    assert get("k8s.pod.label", event, "app") == "web"
    assert get("k8s.pod.label", event, "none") is None
    assert get("k8s.pod.ip", event) == "10.1.2.3"


def test_probes_are_never_told():
    """Deprecated in Falco too; a rule that excludes them must still match."""
    assert get("proc.is_container_healthcheck", open_event("/x", container=None)) is False


def test_labels_that_nobody_wrote_are_left_out_of_the_list():
    """Falco leaves out what a kubelet adds; one of them by its name is told all the same."""
    box = container(
        labels={"app": "web", "io.kubernetes.pod.name": "p", "annotation.x": "y", "bare": ""},
        pod_labels={"tier": "front", "io.kubernetes.pod.uid": "1"},
    )
    event = open_event("/x", container=box)
    assert get("container.labels", event) == "app:web, bare"
    assert get("k8s.pod.labels", event) == "tier:front"
    assert get("container.label", event, "io.kubernetes.pod.name") == "p"


def test_probes_and_the_network_plugins_word():
    """Where an engine told them; NONE is a text that an engine said."""
    box = container(healthcheck="/bin/check -q", liveness_probe="NONE", cni_json='{"eth0":{}}')
    event = open_event("/x", container=box)
    assert get("container.healthcheck", event) == "/bin/check -q"
    assert get("container.liveness_probe", event) == "NONE"
    assert get("container.readiness_probe", event) is None
    assert get("container.cni.json", event) == get("k8s.pod.cni.json", event) == '{"eth0":{}}'
