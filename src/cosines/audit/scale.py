"""Factors longer than the memory: a folder of parquet files as a Dask array, for `cosines.audit.findings.audit`.

Needs the extra ``scale``. Dask decides where the work is done: on threads of this process, or,
once there is a ``distributed.Client``, on its cluster.
"""

from pathlib import Path

import numpy as np

from cosines._arrays import require
from cosines.audit._fitting import real
from cosines.audit._tables import _roles as roles
from cosines.audit._tables import described_by, table_of
from cosines.audit.files import _columns


def from_parquet(folder):
    """A folder of parquet files, such as Spark's ``itemFactors``, as a Dask array.

    Files in the order of their names, rows as they are; names that begin with "." or "_" are left out. A
    row group becomes a chunk, which a worker has to hold; its factors are read when they are asked for.

    Parameters
    ----------
    folder : str or Path
        Columns as `cosines.audit.files.read_model` takes them. The files have to be there for all workers.

    Returns
    -------
    factors : dask.array.Array, shape (m, k)
    ids : ndarray of str, shape (m,), or None

    Raises
    ------
    ValueError
        In one line that begins with a file's name, if the first row group is wrong; others are checked
        when they are read.
    """
    try:
        import dask
        from dask.array import concatenate, from_delayed
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ImportError("from_parquet needs Dask and pyarrow: pip install 'dask[array]' distributed pandas pyarrow") from None

    paths = [path for path in sorted(Path(folder).expanduser().rglob("*.parquet")) if path.name[0] not in "._"]
    groups = [(str(path), group, metadata.row_group(group).num_rows)
              for path in paths for metadata in [ParquetFile(path).metadata] for group in range(metadata.num_row_groups)]
    groups = [one for one in groups if one[2]]
    require(groups, str(folder), "a folder of parquet files with rows", f"{len(paths)} files without")
    names, said = _columns_of(*groups[0][:2])
    first = _factors(*groups[0][:2], names)
    k, dtype = first.shape[1], np.result_type(first.dtype, np.float32)
    read = dask.delayed(_factors, pure=True)
    parts = [from_delayed(read(path, group, names, k, dtype), (rows, k), dtype) for path, group, rows in groups]
    ids = [described_by(_columns(path, ParquetFile(path).read_row_group(group, said).to_pandas())).ids
           for path, group, _ in groups] if said else [None]
    return concatenate(parts), None if ids[0] is None else np.concatenate(ids)


def _columns_of(path, group):
    """Names of the columns with factors, and of those that say something of the rows."""
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(path).read_row_group(group)
    taken = set(roles(_columns(path, table.to_pandas())).values())
    names = table.column_names
    return [name for j, name in enumerate(names) if j not in taken], [names[j] for j in sorted(taken)]


def _factors(path, group, names, k=None, dtype=None):
    """Factors of a row group, as `table_of` takes them; lists of numbers at once."""
    from pyarrow import compute, types
    from pyarrow.parquet import ParquetFile

    table = ParquetFile(path).read_row_group(group, names)
    kind = table.schema[0].type if table.num_columns == 1 else None
    if kind is not None and (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        lengths = compute.unique(compute.list_value_length(table.column(0))).to_pylist()
        require(len(lengths) == 1 and lengths[0], path, "a file whose lists have one length", lengths[:5])
        factors = real(path, table.column(0).combine_chunks().flatten().to_numpy(zero_copy_only=False))
        factors = factors.reshape(-1, lengths[0])
    else:
        factors = table_of(_columns(path, table.to_pandas())).factors
    require(k is None or factors.shape[1] == k, path, f"a file with {k} dimensions, as the first", factors.shape[1])
    return factors if dtype is None else factors.astype(dtype, copy=False)
