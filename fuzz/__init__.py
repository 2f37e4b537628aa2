"""Random programs with events and streams, run eagerly and compiled under hostile schedules."""
