"""Many files: jobs, one file of them, on this machine or on a Dask cluster."""
