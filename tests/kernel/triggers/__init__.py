"""Small real actions and the rules that each must fire, performed by agents on the host and in containers.

``kit``, ``agent`` and the ``*_acts`` modules also run inside the containers, under the distribution's own Python: they
import the standard library only and write Python 3.9. ``lab`` is the tests' side: engine, containers, who fired what.
"""
