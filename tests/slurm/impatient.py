"""`python -m impatient`: a Snakemake that asks for jobs every second, as tests wait for the answer.

It would ask ten seconds later each time that no job has ended, which suits jobs of hours.
"""

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

RemoteExecutor.next_seconds_between_status_checks = property(lambda _: 1, lambda *_: None)
main()
