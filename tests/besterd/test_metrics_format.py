#!/usr/bin/python3
"""What besterd tells on its metrics listener is what Prometheus' own parsers read. Writes TAP."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from bester import Handler, Server, run, same

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as prometheus

OPENMETRICS = "Accept: application/openmetrics-text; version=1.0.0; charset=utf-8,text/plain;q=0.5\r\n"


def samples(families):
    return {(sample.name, frozenset(sample.labels.items())): sample.value
            for family in families for sample in family.samples}


def busy_server():
    """A type whose name wants every escape that there is."""
    kind = 'odd "type" \\ \n'
    server = Server()
    server.config["handlers"] = {
        "availableTypes": [kind],
        "typeMap": {kind: {"unixDomainSocketPath": server.path("h"), "protocol": "stream"}}}
    server.config["peers"] = {"S2": {"address": "127.0.0.1:9", "legacy": True}}
    server.write()
    handler = Handler(server.path("h"), lambda data: data)
    return server, handler, kind


def talk(server, kind):
    with server.client("T") as client:
        same(client.send("dummy", None)["header"]["status"], "0")
        same(client.send("nowhere", 1)["payload"]["reason"], "noHandler")
        same(client.send(kind, {"header": {"command": {"type": "sendClients", "data": ["T"]}},
                                "data": 1})["header"]["status"], "good")
        same(client.send(kind, {"header": {"status": "7"}})["payload"]["reason"], "handlerError")
        with server.client() as other:
            same(other.log_in("", "p")["payload"]["reason"], "authFailed")


def check_counts(found, kind):
    def value(name, **labels):
        return found[(name, frozenset(labels.items()))]

    same(value("bester_logins_total", result="good"), 1)
    same(value("bester_logins_total", result="authFailed"), 1)
    same(value("bester_connections_total"), 2)
    same(value("bester_messages_total", type="dummy", result="good"), 1)
    same(value("bester_messages_total", type="other", result="noHandler"), 1)
    same(value("bester_messages_total", type=kind, result="good"), 1)
    same(value("bester_messages_total", type=kind, result="handlerError"), 1)
    same(value("bester_reports_total", result="good"), 2)
    same(value("bester_reports_total", result="handlerError"), 1)
    same(value("bester_deliveries_total", to="user", result="good"), 1)
    same(value("bester_exchange_seconds_count", type=kind), 2)
    same(value("bester_exchange_seconds_bucket", type=kind, le="+Inf"), 2)
    same(value("bester_handler_state", type=kind, state="up"), 1)
    same(value("bester_handler_questions", type=kind, state="unsent"), 0)
    same(value("bester_peers"), 1)
    same(value("bester_peer_messages_in_flight", peer="S2"), 0)
    if value("process_resident_memory_bytes") < 1 << 20 or value("process_open_fds") < 5:
        raise AssertionError("the process is smaller than any process is")


def test_prometheus_reads_it():
    server, handler, kind = busy_server()
    with server:
        talk(server, kind)
        code, fields, body = server.http()
        same(code, 200)
        same(fields["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        check_counts(samples(prometheus.text_string_to_metric_families(body)), kind)
    handler.close()


def test_openmetrics_is_what_it_says():
    server, handler, kind = busy_server()
    with server:
        talk(server, kind)
        code, fields, body = server.http(fields=OPENMETRICS)
        same(code, 200)
        same(fields["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
        same(body.endswith("# EOF\n"), True)
        families = list(openmetrics.text_string_to_metric_families(body))
        check_counts(samples(families), kind)
        kinds = {family.name: family.type for family in families}
        same(kinds["bester_messages"], "counter")
        same(kinds["bester_exchange_seconds"], "histogram")
        same(kinds["process_open_fds"], "gauge")
    handler.close()


def test_counters_never_go_back():
    server, handler, kind = busy_server()
    with server:
        before = {}
        for _ in range(3):
            talk(server, kind)
            now = samples(prometheus.text_string_to_metric_families(server.http()[2]))
            for key, value in before.items():
                if key[0].endswith(("_total", "_count", "_bucket", "_sum")) and now[key] < value:
                    raise AssertionError(f"{key} went from {value} to {now[key]}")
            before = now
    handler.close()


run(test_prometheus_reads_it, test_openmetrics_is_what_it_says, test_counters_never_go_back)
