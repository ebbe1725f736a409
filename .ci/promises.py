"""Checks what the manifest and the README promise about dependencies, and that a plain dependency builds."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def cargo(*args, cwd=ROOT):
    return subprocess.run(["cargo", *args], cwd=cwd, check=True, capture_output=True, text=True).stdout


def version(text):
    return tuple(int(part) for part in (text.split(".") + ["0", "0"])[:3])


def crates(*features):
    tree = cargo("tree", "-p", "runtime-metrics", "-e", "normal", "--prefix", "none", *features)
    return {line.split()[0] for line in tree.splitlines() if line.strip()}


metadata = json.loads(cargo("metadata", "--format-version", "1", "--all-features"))
packages = {package["name"]: package for package in metadata["packages"]}
promised = packages["runtime-metrics"]["rust_version"]
linked = crates("--features", "full")
too_new = [
    f"{package['name']} {package['version']} asks for {package['rust_version']}"
    for package in metadata["packages"]
    if package["name"] in linked and package["rust_version"] and version(package["rust_version"]) > version(promised)
]
if too_new:
    sys.exit(f"the manifest promises Rust {promised}, but " + "; ".join(too_new))
print(f"no dependency of the library asks for more than Rust {promised}")

stated = re.search(r"\*\*(\d+) crates\*\* by default, (\d+) without default features, (\d+) with `full`", (ROOT / "README.md").read_text())
counted = [len(crates()), len(crates("--no-default-features")), len(linked)]
if not stated or [int(number) for number in stated.groups()] != counted:
    sys.exit(f"the README's number of crates is not what is counted: {counted}")
print(f"the README states the number of crates: {counted}")

with tempfile.TemporaryDirectory() as directory:
    hello = pathlib.Path(directory, "hello")
    cargo("init", "--quiet", "--name", "hello", str(hello), cwd=directory)
    with open(hello / "Cargo.toml", "a") as manifest:
        manifest.write(f'runtime-metrics = {{ path = "{ROOT / "runtime-metrics"}" }}\n')
    (hello / "src" / "main.rs").write_text(
        'fn main() {\n    runtime_metrics::increment!("hello");\n'
        '    print!("{}", runtime_metrics::export::prometheus(&runtime_metrics::Snapshot::take()));\n}\n'
    )
    printed = cargo("run", "--quiet", "--target-dir", str(ROOT / "target" / "hello"), cwd=hello)
    if "\nhello_total{" not in printed or "\nprocess_resident_memory_bytes{" not in printed:
        sys.exit(f"a hello-world with default features printed:\n{printed}")
print("a plain dependency builds and measures in a hello-world")
