"""What a flight leaves behind: packets, telemetry, events, and what of the banks it has seen."""
