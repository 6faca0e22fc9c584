# Copyright 2026 The lossd authors
# SPDX-License-Identifier: Apache-2.0

"""Cases of the call itself: each error with its details, deadlines, streams, restarts, tokens."""

from __future__ import annotations

import base64
import copy

import messages
import oracle
from case_parts import case, computed, filled, input_of, message, refused
from loss_cases import drawn, nt_xent_tensors, parameter_gradients, squared_norm_expect, filled_half_sum


def good(request_id: str, seed: int = 5) -> dict:
    """A message that is answered."""
    return computed("ntXent", {}, nt_xent_tensors(seed), oracle.nt_xent_loss, request={"requestId": request_id}, temperature=0.5)


def bad(request_id: str) -> dict:
    """A message that is refused: its inputs differ in N."""
    inputs = [input_of("out_1", drawn(1, 4, 6)), input_of("out_2", drawn(2, 3, 6))]
    return message({"requestId": request_id, "loss": {"ntXent": {}}}, inputs,
                   refused("INVALID_ARGUMENT", field="inputs[out_2].shape", text=["out_2"], origin="server"))


def norm(request_id: str, expect: dict, count: int = 4, **more) -> dict:
    return message({"requestId": request_id, "loss": {"squaredNorm": {}}, **more}, [filled("x.0", "FLOAT32", [count])], expect)


def heavy(request_id: str, expect: dict, **more) -> dict:
    """A message that takes far longer than the deadlines of these cases: 4e11 operations."""
    request = {"requestId": request_id, "loss": {"ntXent": {}}, **more}
    return message(request, [filled(name, "FLOAT32", [16384, 64]) for name in ("out_1", "out_2")], expect)


def unknown_loss() -> dict:
    """A member of the oneof that no version has: JSON cannot say it."""
    request = messages.service().ComputeRequest(request_id="new").SerializeToString()
    request += bytes([0x12, 0x03, 0xBA, 0x3E, 0x00])  # loss: field 999, an empty message.
    return {"request_binary": base64.b64encode(request).decode(), "inputs": [filled("x.0", "FLOAT32", [4])],
            "expect": refused("UNIMPLEMENTED", origin="server")}


def invalid() -> list[dict]:
    """The caller must change the request."""
    nt = {"requestId": "t", "loss": {"ntXent": {"temperature": 0.0}}}
    pair = [input_of(name, tensor) for name, tensor in nt_xent_tensors(5).items()]
    mixed = [input_of("out_1", drawn(1, 4, 6)), input_of("out_2", drawn(2, 4, 6, dtype="FLOAT64"))]
    plain = {"requestId": "p", "loss": {"ntXent": {}}}
    server = {"origin": "server"}
    return [
        case("invalid_shape", "inputs of unequal N: the violation names the input", [bad("shape")]),
        case("invalid_temperature", "a value out of its range: the violation names the field",
             [message(nt, pair, refused("INVALID_ARGUMENT", field="loss.nt_xent.temperature", **server))]),
        case("invalid_dtype", "FLOAT64 beside FLOAT32",
             [message(plain, mixed, refused("INVALID_ARGUMENT", field="inputs[out_2].dtype", **server))]),
        case("invalid_missing_input", "an input too few",
             [message(plain, pair[:1], refused("INVALID_ARGUMENT", field="inputs[out_2]", **server))]),
        case("invalid_no_loss", "no loss at all",
             [message({"requestId": "n"}, pair, refused("INVALID_ARGUMENT", field="loss", **server))]),
    ]


def limits() -> list[dict]:
    """Who refused, and how much there may be."""
    flops = message({"requestId": "flops", "loss": {"ntXent": {}}}, [filled(n, "FLOAT32", [256, 64]) for n in ("out_1", "out_2")],
                    refused("RESOURCE_EXHAUSTED", quota=True, text=["max_request_flops"], origin="server"))
    answer = parameter_gradients()
    answer["expect"] = refused("RESOURCE_EXHAUSTED", origin="client")
    return [
        case("resource_exhausted", "more operations than the server allows: the details name the quota", [flops], server="small"),
        case("resource_exhausted_retry", "no place for a call: the details say when to try again",
             [norm("full", refused("RESOURCE_EXHAUSTED", retry_delay=True, origin="server"))], server="full",
             client={"timeout_ms": 20000}),
        case("resource_exhausted_passes", "no place for a call at first: it is made again when the server has said to, and answered",
             [norm("passes", squared_norm_expect([filled("x.0", "FLOAT32", [4])], filled_half_sum(4)))], server="brief",
             client={"timeout_ms": 20000}),
        case("message_too_long", "a message longer than the server takes",
             [norm("long", refused("RESOURCE_EXHAUSTED"), 1_000_000)], server="small"),
        case("client_limit", "an answer longer than the client takes: the client's limit, not the server's refusal", [answer],
             client={"max_message_bytes": 1 << 20}),
    ]


def endings() -> list[dict]:
    """Calls that end otherwise."""
    compressed = norm("gzip", refused("UNIMPLEMENTED", text=["compress"], origin="server"), 4096)
    return [
        case("unimplemented_loss", "a loss that this server does not have", [unknown_loss()]),
        case("gzip", "a compressed message is refused, with a hint", [compressed], client={"compression": "gzip"}),
        case("deadline", "a call that takes longer than it may", [heavy("late", refused("DEADLINE_EXCEEDED"))],
             client={"timeout_ms": 300}),
        case("cancel", "a call that its caller cancels", [norm("cancelled", refused("CANCELLED"))], server="patient",
             client={"cancel_after_ms": 200}),
        case("unavailable", "nobody listens: the call waits for a server as long as it may",
             [norm("nobody", refused(["UNAVAILABLE", "DEADLINE_EXCEEDED"], origin="client"))], server="nobody",
             client={"timeout_ms": 1500}),
    ]


def streams() -> list[dict]:
    mixed = [good(f"good-{i}", 20 + i) for i in range(20)]
    one_bad = [good("first", 1), bad("bad"), good("second", 2), good("third", 3)]
    large = [filled("x.0", "FLOAT32", [1_000_000])]
    sizes = [message({"requestId": f"large-{i}", "loss": {"squaredNorm": {}}}, copy.deepcopy(large),
                     squared_norm_expect(large, filled_half_sum(1_000_000))) for i in range(3)]
    late = [heavy("late", refused("DEADLINE_EXCEEDED", origin="server"), options={"timeout": "0.3s"}), good("good")]
    return [
        case("stream", "20 messages under way at a time, matched by request_id", mixed, kind="stream"),
        case("stream_bad_message", "one bad message among good ones ends neither them nor the stream", one_bad, kind="stream"),
        case("stream_large", "three messages of 4 MB", sizes, kind="stream"),
        case("stream_timeout", "a message's own deadline, inside a stream that goes on", late, kind="stream"),
    ]


def security() -> list[dict]:
    unauthenticated = refused("UNAUTHENTICATED", origin="server")
    return [
        case("secure", "TLS and a token", [good("secure")], server="secure"),
        case("token_missing", "no token where one is wanted", [norm("none", unauthenticated)], server="secure",
             client={"token": "none"}),
        case("token_wrong", "another token than the server's", [norm("wrong", unauthenticated)], server="secure",
             client={"token": "wrong"}),
        case("token_rotated", "the server's token is replaced while it runs", [norm("rotated", unauthenticated)],
             server="secure", kind="rotate"),
    ]


def others() -> list[dict]:
    info = {"info": {"losses": ["feature_map_contrastive", "cpc", "nt_xent", "squared_norm", "info_nce", "clip", "siglip", "sup_con", "dcl",
                                "vicreg", "barlow_twins"],
                     "limits": {"max_message_bytes": 2 << 20, "max_request_flops": 1e6}}}
    return [
        case("server_info", "GetServerInfo: losses and limits", [], server="small", kind="info", expect=info),
        case("restart", "the server restarts in the middle of 200 calls: none is lost", [good("restart")], server="restarting",
             kind="restart", client={"calls": 200, "concurrency": 4, "restart_after": 50, "timeout_ms": 30000}),
    ]


def all_cases() -> list[dict]:
    return invalid() + limits() + endings() + streams() + security() + others()
