"""python -m patrol.simulation.vehicle SETTINGS_JSON"""

from __future__ import annotations

import sys

from patrol.simulation.vehicle.process import main

if __name__ == "__main__":
    main(sys.argv[1])
