"""Many files: jobs, the work on one file, this machine and Dask clusters."""
