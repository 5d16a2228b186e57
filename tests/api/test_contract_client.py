"""A client generated from /openapi.json works: openapi-typescript and openapi-fetch, compiled strictly, run by node.

The packages are those of tests/client/package-lock.json (`npm ci` there); without them this says so and skips.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from api.app import create_app
from api.rate_limits import Quotas
from tests.api_doubles import running, services

CLIENT = Path(__file__).parent.parent / "client"
needs_packages = pytest.mark.skipif(
    not (CLIENT / "node_modules").is_dir() or shutil.which("node") is None,
    reason="the client's packages are not installed: (cd tests/client && npm ci)",
)


def ran(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_packages
@pytest.mark.timeout(300)
def test_a_generated_client_compiles_and_works(tmp_path: Path) -> None:
    folder = tmp_path / "client"
    folder.mkdir()
    for name in ("package.json", "tsconfig.json", "day.ts"):
        shutil.copy(CLIENT / name, folder)
    (folder / "node_modules").symlink_to(CLIENT / "node_modules")
    generated = folder / "generated"
    generated.mkdir()
    (generated / "openapi.json").write_text(json.dumps(create_app(services()).openapi()))
    modules = CLIENT / "node_modules"
    ran("node", str(modules / "openapi-typescript/bin/cli.js"), "generated/openapi.json",
        "--output", "generated/api.d.ts", "--default-non-nullable=false", folder=folder)  # fmt: skip
    ran("node", str(modules / "typescript/bin/tsc"), "--project", ".", folder=folder)
    with running(services(quotas=Quotas())) as server:
        assert ran("node", "generated/day.js", server.address, "all", folder=folder).strip() == "done"
