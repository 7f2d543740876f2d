"""Molecules of RDKit, as text of a format that viewers read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tracker.values.content import is_path
from vcs.errors import UsageError

_READERS = {".mol": "MolFromMolFile", ".mol2": "MolFromMol2File", ".pdb": "MolFromPDBFile"}


def from_smiles(text: str, *, sanitize: bool) -> Any:
    """Return the molecule that SMILES describes.

    Raises:
        ValueError: It describes none.
    """
    return _checked(_chem().MolFromSmiles(text, sanitize=sanitize), repr(text))


def pdb_block(data: Any, *, optimize: bool, iterations: int) -> str:
    """Return a molecule, or one in a file, in the PDB format.

    Raises:
        ValueError: No molecule, a file that RDKit cannot read, or no places in space for the atoms.
    """
    chem = _chem()
    molecule = _read(chem, Path(data)) if is_path(data) else data
    if not isinstance(molecule, chem.Mol):
        raise ValueError(f"a molecule of RDKit or a path, not {type(data).__name__}")
    if optimize:
        from rdkit.Chem import AllChem

        molecule = chem.AddHs(molecule)
        # A fixed seed: the same molecule gives the same places, and so the same content.
        if AllChem.EmbedMolecule(molecule, randomSeed=0xF00D) != 0:
            raise ValueError("RDKit finds no places in space for the atoms of the molecule")
        AllChem.MMFFOptimizeMolecule(molecule, maxIters=iterations)
    return str(chem.MolToPDBBlock(molecule))


def _read(chem: Any, path: Path) -> Any:
    suffix = path.suffix.lower()
    if suffix == ".sdf":
        return _checked(next(iter(chem.SDMolSupplier(str(path))), None), str(path))
    if suffix not in _READERS:
        raise ValueError(f"RDKit reads {', '.join([*_READERS, '.sdf'])}, not {path}")
    return _checked(getattr(chem, _READERS[suffix])(str(path)), str(path))


def _checked(molecule: Any, what: str) -> Any:
    if molecule is None:
        raise ValueError(f"RDKit makes no molecule of {what}")
    return molecule


def _chem() -> Any:
    try:
        from rdkit import Chem
    except ImportError as error:
        raise UsageError("a molecule from RDKit needs it", hint="pip install rdkit") from error
    return Chem
