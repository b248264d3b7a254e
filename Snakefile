# `snakemake` in this folder runs workflow/Snakefile.
include: "workflow/Snakefile"


# Targets of included files are not targets by default, unless one says so.
workflow.default_target = workflow.modifier.modify_rulename("all")
