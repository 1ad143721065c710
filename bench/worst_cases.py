"""The most expensive requests per byte, for each route and each body format."""

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgpack

from bench.attackers import MIB, post

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
FORM: Final = "multipart/form-data; boundary=b"
_ROOM_FOR_HEADERS: Final = 256
_HEADER_BYTES: Final = 7000
_LINE_BYTES: Final = 3900


class Case(NamedTuple):
    """One request, sent alone.

    Attributes:
        name: its description.
        request: its bytes.
    """

    name: str
    request: bytes


def worst_cases(job: str) -> Iterator[Case]:
    """Return all requests.

    Args:
        job: the id of a final job.
    """
    yield from _submissions(MIB - _ROOM_FOR_HEADERS)
    yield from _parameters(MIB - _ROOM_FOR_HEADERS)
    yield from _batches(16 * MIB - _ROOM_FOR_HEADERS)
    yield from _forms(MIB - _ROOM_FOR_HEADERS)
    yield from _small_bodies(job, MIB - _ROOM_FOR_HEADERS)
    yield from _queries()
    yield from _headers(job)


def texts(size: int) -> Iterator[tuple[str, bytes]]:
    """Return values in JSON of about a given size."""

    def array(piece: bytes) -> bytes:
        return b"[" + b",".join([piece] * (size // (len(piece) + 1))) + b"]"

    yield "numbers of one digit", array(b"1")
    yield "numbers with a fraction", array(b"1.5")
    yield "numbers of 17 digits", array(b"1.2345678901234567")
    yield "tiny numbers", array(b"1.5e-300")
    yield "tiny numbers of 17 digits", array(b"1.2345678901234567e-300")
    yield "numbers of 1,000 digits", array(b"0." + b"1" * 1000)
    yield "one long number", b"1" * size
    yield "one long fraction", b"1." + b"1" * size
    yield "one long exponent", b"1e" + b"0" * size + b"1"
    yield "empty texts", array(b'""')
    yield "empty objects", array(b"{}")
    yield "objects with one member", array(b'{"":{}}')
    yield "lists within lists", array(b"[[[[[[[]]]]]]]")
    yield "unclosed brackets", b"[" * size
    yield "objects that do not close", b'{"":' * (size // 4)
    yield "members", _members(size)
    yield "the same member", b"{" + b",".join([b'"":0'] * (size // 5)) + b"}"
    yield "escapes", b'"' + b"\\u0041" * (size // 6) + b'"'
    yield "surrogates", b'"' + b"\\ud83d\\ude00" * (size // 12) + b'"'
    yield "backslashes", b'"' + b"\\\\" * (size // 2) + b'"'
    yield "a text that does not end", b'"' + b'\\"' * (size // 2)
    yield "commas in texts", array(b'",,,,,,,"')


def packed(size: int) -> Iterator[tuple[str, bytes]]:
    """Return values in msgpack of about a given size."""

    def array(piece: bytes) -> bytes:
        times = size // len(piece)
        return b"\xdd" + times.to_bytes(4, "big") + piece * times

    yield "empty maps", array(b"\x80")
    yield "empty lists", array(b"\x90")
    yield "maps of one member", array(b"\x81\xa0\xc0")
    yield "numbers", array(b"\x01")
    yield "texts of a byte", array(b"\xa1a")
    yield "lists with a false length", (b"\xdd" + size.to_bytes(4, "big")) * (size // 5)
    yield "maps within maps", b"\x81\xa0" * (size // 2)
    yield "times", array(b"\xd6\xff\x00\x00\x00\x00")
    yield "long binaries", array(b"\xc4\x80" + b"a" * 128)


def _submissions(size: int) -> Iterator[Case]:
    for name, value in texts(size - 64):
        body = b'{"operation":"weigh","params":{"value":' + value + b"}}"
        yield Case(f"job, JSON: {name}", request := post("/v1/jobs", body, JSON))
        key = f"\r\nIdempotency-Key: {name}\r\n\r\n".encode()
        yield Case(f"job with a key, JSON: {name}", request.replace(b"\r\n\r\n", key, 1))
    head = msgpack.packb({"operation": "weigh", "params": {}})[:-1] + b"\x81\xa5value"
    for name, value in packed(size - 64):
        yield Case(f"job, msgpack: {name}", post("/v1/jobs", head + value, MSGPACK))
    yield Case("job, JSON: unknown members", post("/v1/jobs", _members(size), JSON))


def _parameters(size: int) -> Iterator[Case]:
    """Return valid and invalid parameters for the addresses of the operations."""
    values = {
        "numbers": [b"1", b'""', b"1.0", b"1.5", b"[]"],
        "fractions": [b"1", b"0.5", b'""', b"12345678901234567"],
        "decimals": [b'"1"', b"1", b"0.5", b"1.2345678901234567", b"[]"],
        "unions": [b"1", b'"ab"', b"[1]", b'["a"]', b"{}"],
        "trees": [b"{}", b'{"kind":"twig"}', b'{"all":[{}]}', b"1"],
        "filed": [b"1", b'""', b'"01890a5d-ac96-774b-bcce-b302099a8057"'],
    }
    for operation, pieces in values.items():
        for piece in pieces:
            array = b",".join([piece] * ((size - 64) // (len(piece) + 1)))
            body = b'{"value":[' + array + b"]}"
            name = f"parameters, {operation}: {piece.decode()[:24]}"
            yield Case(name, post(f"/v1/operations/{operation}", body, JSON))
    for operation in ("once", "weigh", "filed"):
        name = f"parameters, {operation}: members"
        body = b'{"value":' + _members(size - 64) + b"}"
        yield Case(name, post(f"/v1/operations/{operation}", body, JSON))
        body = _members(size - 64)
        name = f"parameters, {operation}: unknown members"
        yield Case(name, post(f"/v1/operations/{operation}", body, JSON))


def _batches(size: int) -> Iterator[Case]:
    for name, value in texts(size - 64):
        yield Case(f"batch, JSON: {name}", post("/v1/batches", b'{"items":[' + value + b"]}", JSON))
    for name, value in packed(size - 64):
        body = b"\x81\xa5items" + (value if value[:1] == b"\xdd" else b"\x91" + value)
        yield Case(f"batch, msgpack: {name}", post("/v1/batches", body, MSGPACK))
    items = {
        "jobs": b'{"operation":"weigh","params":{}}',
        "wrong parameters": b'{"operation":"numbers","params":{"value":[""]}}',
        "wrong members": b'{"a":0,"b":0,"c":0,"d":0,"e":0}',
    }
    for name, item in items.items():
        body = b'{"items":[' + b",".join([item] * 1000) + b"]}"
        yield Case(f"batch, 1,000 {name}", post("/v1/batches", body, JSON))
    wrong = b",".join([b'""'] * 4000)
    item = b'{"operation":"numbers","params":{"value":[' + wrong + b"]}}"
    body = b'{"items":[' + b",".join([item] * (size // (len(item) + 1))) + b"]}"
    yield Case("batch, jobs with 4,000 errors each", post("/v1/batches", body, JSON))
    item = b'{"operation":"weigh","params":{"value":"' + b"a" * (15 * 1024) + b'"}}'
    body = b'{"items":[' + b",".join([item] * 1000) + b"]}"
    yield Case("batch, 1,000 jobs of 15 KiB", post("/v1/batches", body, JSON))


def _forms(size: int) -> Iterator[Case]:
    part = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    bodies = {
        "parts": (part % (b"a", b"", b"")) * (size // 60) + b"--b--\r\n",
        "almost boundaries": (part % (b"value", b"", b"\r\n--a" * (size // 5))) + b"--b--\r\n",
        "headers": b"--b\r\n" + b"A: b\r\n" * (size // 6) + b"\r\n\r\n--b--\r\n",
        "parameters": part % (b"params", b"", b'{"value":[' + b"1," * (size // 2) + b"1]}"),
        "a long name": part % (b"\\" * (size // 2), b"", b""),
        "a preamble": b"--b" * (size // 3),
        "a file": (part % (b"cover", b'; filename="a"', b"a" * size)) + b"--b--\r\n",
    }
    for name, body in bodies.items():
        yield Case(f"form: {name}", post("/v1/operations/filed", body, FORM))
        yield Case(f"form to files: {name}", post("/v1/files", body, FORM))


def _small_bodies(job: str, size: int) -> Iterator[Case]:
    for path in (
        f"/v1/jobs/{job}/retry",
        f"/v1/jobs/{job}/cancel",
        "/v1/operations/weigh/pause",
        "/v1/operations/weigh/resume",
    ):
        kind = path.rsplit("/", 1)[1]
        yield Case(f"{kind}: members", post(path, _members(size), JSON))
        yield Case(f"{kind}: lists", post(path, b"[" * size, JSON))
    for name, body in {
        "members": _members(size),
        "parameters": b'{"operation":"numbers","every":"1h","params":{"value":['
        + b",".join([b'""'] * (size // 3 - 64))
        + b"]}}",
    }.items():
        request = post("/v1/schedules/worst", body, JSON)
        yield Case(f"schedule: {name}", request.replace(b"POST", b"PUT", 1))


def _queries() -> Iterator[Case]:
    """Return queries of the maximum length."""
    for path in ("/v1/jobs", "/v1/files", "/v1/operations", "/v1/operations/weigh"):
        method = "POST" if path.endswith("weigh") else "GET"
        for name, query in {
            "labels": "&".join(f"label.{n:x}=a" for n in range(_LINE_BYTES // 12)),
            "the same label": "&".join(["label.a=a"] * (_LINE_BYTES // 10)),
            "escapes": "cursor=" + "%41" * (_LINE_BYTES // 3),
            "statuses": "status=" + "a," * (_LINE_BYTES // 2),
            "ampersands": "&" * _LINE_BYTES,
            "digits": "limit=" + "1" * _LINE_BYTES + "&priority=" + "1" * 30,
        }.items():
            yield Case(f"query of {path}: {name}", _ask(method, f"{path}?{query}"))
    yield Case("a long path", _ask("GET", "/v1/jobs/" + "a" * _LINE_BYTES))
    yield Case("a path of slashes", _ask("GET", "/" * _LINE_BYTES))


def _headers(job: str) -> Iterator[Case]:
    """Return headers of the maximum length."""
    values = {
        "Accept": ["a/b;q=0.1,", "application/json;" + "a=b;", ",", "*/*;q=0.5,"],
        "Accept-Encoding": ["gzip;q=0.1,", ",", "a ;"],
        "Prefer": ["wait=1,", ",", "a;", '"\\"', "a=" + '"' + "\\\\"],
        "If-None-Match": ['"a",', ",", 'W/"a" ', '"'],
        "If-Match": ['"a",', ",", 'W/"'],
        "Range": ["bytes=0-0,", "0-0,", " "],
        "Forwarded": ["for=1;by=2,", ",", 'for="\\"'],
        "X-Forwarded-For": ["1.1.1.1,", ","],
        "Tracestate": ["a=b,", ",", " "],
        "Traceparent": ["00-"],
        "Idempotency-Key": ['"\\', "a"],
        "Authorization": ["Bearer ", " ", "a"],
        "Cookie": ["a=b;"],
        "Content-Digest": ["sha-256=:a:,", ", ", "sha-256=:", "\t"],
        "Content-Type": ["a/b;", ";a=b", "multipart/form-data;boundary=a"],
        "Origin": ["http://a"],
        "X-Request-ID": ["a"],
        "Last-Event-ID": ["1"],
    }
    for header, pieces in values.items():
        for piece in pieces:
            line = f"{header}: {piece * (_HEADER_BYTES // len(piece))}\r\n"
            path = f"/v1/jobs/{job}/result"
            name = f"header {header}: {piece!r}"
            yield Case(name, _ask("GET", path, line))
            yield Case(f"{name}, posted", _ask("POST", "/v1/operations/weigh", line))


def _ask(method: str, target: str, more: str = "") -> bytes:
    end = "\r\n" if method == "GET" else "Content-Length: 2\r\n\r\n{}"
    return f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}{end}".encode()


def _members(size: int) -> bytes:
    return (
        json.dumps(dict.fromkeys((f"{n:x}" for n in range(size // 10)), 0))
        .replace(" ", "")
        .encode()
    )
