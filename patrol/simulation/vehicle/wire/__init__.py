"""The vehicle's end of MAVLink: the connection, its bad weather, messages and commands."""
