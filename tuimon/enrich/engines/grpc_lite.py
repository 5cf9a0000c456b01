"""Unary gRPC calls over a unix socket, with the standard library alone.

HTTP/2 (RFC 9113) as far as one request at a time needs it. Headers are sent as HPACK literals without the table
(RFC 7541, 6.2.2) and the server is told to use no table either. Its headers are read only for ``grpc-status``, where
that is a literal; a body that arrived whole counts as success.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from types import TracebackType
from typing import Final

_TIMEOUT_S: Final = 2.0
_MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_ACK, _END_STREAM, _END_HEADERS = 0x1, 0x1, 0x4
_PADDED: Final = 0x8
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_WINDOW: Final = 2**31 - 1


class GrpcError(OSError):
    """The server answered that the call failed; ``status`` is gRPC's code, or -1 when it did not say."""

    def __init__(self, message: str, status: int = -1) -> None:
        super().__init__(message)
        self.status = status


class Channel:
    """A connection to a gRPC server on a unix socket.

    Args:
        path: The socket.

    Raises:
        OSError: Nobody listens there.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_TIMEOUT_S)
        try:
            self._socket.connect(path)
            settings = struct.pack(">HIHI", 1, 0, 4, _WINDOW)
            self._socket.sendall(
                _PREFACE
                + _frame(_SETTINGS, 0, 0, settings)
                + _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _WINDOW - 65535))
            )
        except BaseException:
            self._socket.close()
            raise
        self._stream = -1

    def __enter__(self) -> Channel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def call(self, method: str, message: bytes, metadata: Mapping[str, str] | None = None) -> bytes:
        """Call a method and return the answer's message.

        Args:
            method: ``/package.Service/Method``.
            message: The request, encoded.
            metadata: Request headers, such as containerd's namespace.

        Raises:
            GrpcError: The server refused.
            OSError: It does not answer.
        """
        self._stream += 2
        headers = {
            ":method": "POST",
            ":scheme": "http",
            ":path": method,
            ":authority": "localhost",
            "te": "trailers",
            "content-type": "application/grpc",
            **(metadata or {}),
        }
        block = b"".join(_literal(k, v) for k, v in headers.items())
        body = b"\0" + struct.pack(">I", len(message)) + message
        self._socket.sendall(
            _frame(_HEADERS, _END_HEADERS, self._stream, block) + _frame(_DATA, _END_STREAM, self._stream, body)
        )
        return self._answer()

    def _answer(self) -> bytes:
        body, headers = bytearray(), bytearray()
        while True:
            kind, flags, stream, payload = self._read_frame()
            if kind == _SETTINGS and not flags & _ACK:
                self._socket.sendall(_frame(_SETTINGS, _ACK, 0, b""))
            elif kind == _PING and not flags & _ACK:
                self._socket.sendall(_frame(_PING, _ACK, 0, payload))
            elif kind == _GOAWAY:
                raise ConnectionResetError(f"{self._path} closed the connection")
            elif stream != self._stream:
                continue
            elif kind == _RST_STREAM:
                raise GrpcError(f"{self._path} refused the call")
            elif kind in (_HEADERS, _CONTINUATION):
                headers += payload
            elif kind == _DATA:
                body += payload[1 : len(payload) - payload[0]] if flags & _PADDED else payload
            if len(body) + len(headers) > _MAX_ANSWER_BYTES:
                raise GrpcError(f"{self._path} answered with more than is read")
            if kind in (_DATA, _HEADERS) and flags & _END_STREAM:
                return self._message(bytes(body), bytes(headers))

    def _message(self, body: bytes, headers: bytes) -> bytes:
        status = _status(headers)
        if status > 0 or len(body) < 5:
            raise GrpcError(f"{self._path} answered the call with an error (gRPC status {status})", status)
        (size,) = struct.unpack(">I", body[1:5])
        if body[0] != 0 or len(body) < 5 + size:
            raise GrpcError(f"{self._path} sent half an answer")
        return body[5 : 5 + size]

    def _read_frame(self) -> tuple[int, int, int, bytes]:
        head = self._exactly(9)
        size = int.from_bytes(head[:3], "big")
        stream = int.from_bytes(head[5:9], "big") & _WINDOW
        return head[3], head[4], stream, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._socket.recv(size - len(parts))
            if not part:
                raise ConnectionResetError(f"{self._path} closed the connection")
            parts += part
        return bytes(parts)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _literal(key: str, value: str) -> bytes:
    return b"\0" + _sized(key.encode()) + _sized(value.encode())


def _sized(raw: bytes) -> bytes:
    """Encode a string without Huffman: its length in 7 bits, more behind (RFC 7541, 5.1)."""
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, out = len(raw) - 127, bytearray([127])
    while rest > 127:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out) + raw


_STATUS_NAMES: Final = (
    b"grpc-status",
    # The same in HPACK's Huffman code, which Go servers use (RFC 7541, appendix B).
    bytes.fromhex("9acac8b21234da8f"),
)


def _status(headers: bytes) -> int:
    """Return the gRPC status that follows its name in a header block, -1 when it is not found."""
    for name in _STATUS_NAMES:
        at = headers.rfind(name)
        if at < 0:
            continue
        value = headers[at + len(name) :]
        if len(value) < 2:
            continue
        size, raw = value[0] & 0x7F, value[1 : 1 + (value[0] & 0x7F)]
        if not value[0] & 0x80:
            return int(raw) if raw.isdigit() else -1
        return _huffman_number(raw) if size <= 2 else -1
    return -1


def _huffman_number(raw: bytes) -> int:
    """Decode the digits of a short number in HPACK's Huffman code: 0, 1, 2 are five bits, 3 to 9 six."""
    bits = "".join(f"{byte:08b}" for byte in raw)
    digits = ""
    while bits:
        if bits[:5] in ("00000", "00001", "00010"):
            digits, bits = digits + str(int(bits[:5], 2)), bits[5:]
        elif len(bits) >= 6 and 0b011001 <= int(bits[:6], 2) <= 0b011111:
            digits, bits = digits + str(int(bits[:6], 2) - 0b011001 + 3), bits[6:]
        else:
            break
    return int(digits) if digits else -1
