"""What each command of `fwp` does; `fwp.cli` has their options."""
