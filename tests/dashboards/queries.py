# SPDX-License-Identifier: GPL-2.0
"""queries.py FOLDER: prints what the dashboards (*.json) and alerts (*.yml) in a folder ask.

A line for each query: the file, which panel or alert of it that is, its title, and the query. Of an
alert all comparisons with a number are left out, so that it has series as soon as it can ever fire.
A rules file is read as far as tools write it: an expression in quotes, or in one line without.
"""

import json
import pathlib
import re
import sys

# What Grafana would fill in, for the one machine that is scraped once a second.
VARIABLES = {
    "job": "node",
    "node": "127.0.0.1:9950",
    "instance": "127.0.0.1:9950",
    "__rate_interval": "10s",
    "__interval": "10s",
    "__range": "1m",
}


def panels(parent):
    """All panels, also those in rows."""
    for panel in parent.get("panels", []):
        yield panel
        yield from panels(panel)


def filled(query):
    """A query with values in place of variables; of one that is not known, anything."""
    return re.sub(
        r"\$\{?(\w+)(?::\w+)?\}?", lambda found: VARIABLES.get(found[1], ".+"), query
    )


def queries_of_dashboard(path):
    asking = [panel for panel in panels(json.loads(path.read_text())) if panel.get("targets")]
    for number, panel in enumerate(asking):
        for target in panel["targets"]:
            if target.get("expr"):
                yield number, panel.get("title") or "-", filled(target["expr"])


def queries_of_alerts(path):
    expression = r"""expr: ("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^|>\n].*)"""
    alerts = re.split(r"^ *- alert: ", path.read_text(), flags=re.MULTILINE)[1:]
    for number, alert in enumerate(alerts):
        query = re.search(expression, alert)[1]
        if query.startswith('"'):
            query = json.loads(query)
        elif query.startswith("'"):
            query = query[1:-1].replace("''", "'")
        query = re.sub(r"\s*(==|!=|<=|>=|<|>)\s*-?[0-9.]+", "", query)
        yield number, alert.split()[0], query


def main():
    folder = pathlib.Path(sys.argv[1])
    for path in sorted(folder.glob("*.json")) + sorted(folder.glob("*.yml")):
        found = queries_of_dashboard if path.suffix == ".json" else queries_of_alerts
        for number, title, query in found(path):
            print(path.name, number, title, " ".join(query.split()), sep="\t")


main()
