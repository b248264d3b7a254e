"""How fast it is: ops and training steps against their floors and against named alternatives."""
