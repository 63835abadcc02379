"""`python -m tests.executed_notebook NOTEBOOK OUT`: run it with a kernel of this very interpreter, and write it to OUT.

A process of its own, because the kernel's client leaves sockets for the garbage collector to close.
"""

import sys
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

SECONDS = 300


class OwnKernel(AsyncKernelManager):
    """A kernel of the interpreter that runs this, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")


def main(notebook: Path, out: Path) -> None:
    client = NotebookClient(nbformat.read(notebook, as_version=4), km=OwnKernel(), timeout=SECONDS)
    nbformat.write(client.execute(), out)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
