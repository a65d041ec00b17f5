"""Any Hadoop, as its own commands let it be asked: short commands, YARN's list of applications, the log of a job, why it failed,
and the files of a job in its file system."""
