"""When a clip shows what was not to be expected, and why: against what was normal before.

`motion.py` follows points and `objects.py` objects, `cells.py` lays all that is known of a clip
over its time, `tail.py` turns numbers into chances, `normal.py` keeps what is normal, `detect.py`
answers.
"""

from vidparticles.inference.anomalies.detect import Alarm, Anomalies, anomaly
from vidparticles.inference.anomalies.normal import Normal, learn

__all__ = ["Alarm", "Anomalies", "Normal", "anomaly", "learn"]
