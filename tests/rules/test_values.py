"""Constants, read as Falco reads them."""

from __future__ import annotations

import pytest

from tuimon.errors import RuleError
from tuimon.fields.registry import FieldType
from tuimon.rules.values import (
    Network,
    parse_address,
    parse_bool,
    parse_hex,
    parse_network,
    parse_number,
    parse_port,
    parser_for,
)


@pytest.mark.parametrize(
    ("text", "bits", "signed", "expected"),
    [
        ("0", 32, True, 0),
        ("+7", 32, True, 7),
        ("-7", 32, True, -7),
        ("007", 32, True, 7),
        ("65536", 16, True, 0),
        ("32768", 16, True, -32768),
        ("256", 8, False, 0),
        ("-1", 32, False, 4294967295),
        ("4294967296", 32, False, 0),
        ("-1", 64, False, (1 << 64) - 1),
        ("99999999999999999999999", 64, True, (1 << 63) - 1),
        ("-99999999999999999999999", 64, True, -(1 << 63)),
        ("99999999999999999999999", 64, False, (1 << 64) - 1),
        ("9" * 100_000, 64, True, (1 << 63) - 1),
    ],
)
def test_numbers_clamp_wrap_and_narrow(text, bits, signed, expected):
    assert parse_number(text, bits, signed) == expected


@pytest.mark.parametrize("text", ["", "x", "1x", "0x10", "1.5", "1e3", " 1", "--1", "+", "\u0661"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises(RuleError, match="not a valid number"):
        parse_number(text, 64, True)


def test_truth_values_are_two_words():
    assert parse_bool("true") is True
    assert parse_bool("false") is False
    for text in ("True", "1", "0", "", "yes"):
        with pytest.raises(RuleError):
            parse_bool(text)


def test_ports_have_numbers_and_names():
    assert parse_port("443") == 443
    assert parse_port("ssh") == 22
    assert parse_port("") == 0
    assert parse_port("65537") == 1
    with pytest.raises(RuleError, match="known service"):
        parse_port("no-such-service")


def test_addresses_are_packed():
    assert parse_address("127.0.0.1") == b"\x7f\x00\x00\x01"
    assert parse_address("::1") == bytes(15) + b"\x01"
    for text in ("", "localhost", "1.2.3", "1.2.3.4/8", "1.2.3.4.5", ":::", "1.2.3.4\x00", "é.é"):
        with pytest.raises(RuleError, match="not an IP address"):
            parse_address(text)


def test_networks_hold_addresses():
    network = parse_network("10.1.0.0/16")
    assert parse_address("10.1.2.3") in network
    assert parse_address("10.2.0.0") not in network
    assert parse_address("::1") not in network
    assert parse_address("1.2.3.4") in parse_network("0.0.0.0/0")
    assert parse_address("2001:db8::9") in parse_network("2001:db8::/32")
    assert parse_network("10.1.9.9/16") == Network(4, 0xFFFF0000, 0x0A010000)


@pytest.mark.parametrize(
    "text", ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/0", "::/129", "/8", "x/8", "1.1.1.1/\u0668"]
)
def test_what_is_no_network_is_refused(text):
    with pytest.raises(RuleError):
        parse_network(text)


def test_hex_is_whole_bytes():
    assert parse_hex("CAFEbabe") == b"\xca\xfe\xba\xbe"
    for text in ("", "C", "CAF", "0xCA", "CA FE", "zz"):
        with pytest.raises(RuleError, match="not hex"):
            parse_hex(text)


@pytest.mark.parametrize("type_", list(FieldType))
def test_every_type_reads_its_constants(type_):
    good = {"BOOL": "true", "IPADDR": "1.2.3.4", "IPNET": "1.2.3.0/24"}.get(type_.value, "7")
    assert parser_for(type_)(good) is not None
