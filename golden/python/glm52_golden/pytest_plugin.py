"""pytest --golden-report: a table of all cases that `assert_golden` was called with."""

import json
import os
from pathlib import Path

from .engine import REPORTS


def pytest_addoption(parser):
    group = parser.getgroup("golden", "the golden pack of GLM-5.2")
    group.addoption(
        "--golden-report",
        nargs="?",
        const="",
        metavar="FILE",
        help="print a table of all golden cases at the end; write it to FILE as JSON",
    )
    group.addoption("--golden-pack", metavar="FOLDER", help="the folder of the golden pack")


def pytest_configure(config):
    pack = config.getoption("--golden-pack")
    if pack:
        os.environ["GLM52_GOLDEN"] = pack
    REPORTS.clear()


def pytest_terminal_summary(terminalreporter, config):
    file = config.getoption("--golden-report")
    if file is None:
        return
    terminalreporter.section("golden cases")
    if not REPORTS:
        terminalreporter.line("no test has called assert_golden")
    for report, reason in REPORTS:
        wrong = report.first_wrong
        judged = sum(stage.verdict in ("ok", "explained") for stage in report.stages)
        told = f"{wrong.name}: {wrong.sentence}" if wrong else f"{judged} stages"
        terminalreporter.line(f"{report.status:8}{report.case} ({report.engine_class}): {told}")
        for line in (reason or "").splitlines():
            terminalreporter.line(f"        {line}")
    if file:
        Path(file).write_text(json.dumps([_plain(*entry) for entry in REPORTS], indent=1))


def _plain(report, reason):
    return {
        "case": report.case,
        "class": report.engine_class,
        "status": report.status,
        "diagnosis": reason,
        "stages": [vars(stage) for stage in report.stages if stage.verdict != "missing"],
    }
