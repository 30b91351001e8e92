"""A device on MQTT with paho (apt install python3-paho-mqtt, or pip install paho-mqtt). Environment variables:

MUSTER_TOKEN   what `muster devices create` printed
MUSTER_MQTT    where, default mqtt://127.0.0.1:1883; mqtts:// with TLS
MUSTER_DEVICE  id of the device in topics, default me

It measures the load of this machine, takes its interval from the twin, blinks when told to, and comes back by itself.
"""

import json
import os
import signal
import sys
import threading
import time
from urllib.parse import urlparse

import paho.mqtt.client as mqtt

if not os.environ.get("MUSTER_TOKEN"):
    sys.exit("Set MUSTER_TOKEN to what `muster devices create` printed.")
URL = urlparse(os.environ.get("MUSTER_MQTT", "mqtt://127.0.0.1:1883"))
ME = os.environ.get("MUSTER_DEVICE", "me")

stopping = threading.Event()
changed = threading.Event()
interval_s = 60.0
refused = None
started = False
# numbers never repeat, also not after a restart: a number that was stored before is not stored again
seq = int(time.time() * 1000)
# the server may send a command twice; it is done once, and answered again
done = {}


def topic(rest):
    return f"devices/{ME}/{rest}"


def publish(rest, message, qos):
    client.publish(topic(rest), json.dumps(message), qos=qos)


def measure():
    global seq
    seq += 1
    at = int(time.time() * 1000)
    # QoS 1: the acknowledgement says that it is stored
    publish("telemetry", {"seq": seq, "at": at, "values": {"load": os.getloadavg()[0]}}, 1)
    # QoS 0: nobody asks whether it came
    publish("telemetry", {"at": at, "values": {"uptime": time.monotonic()}}, 0)


def follow(delta):
    """Somebody wants the device to be otherwise: do it, then say so."""
    global interval_s
    wanted = delta.get("intervalMs")
    if isinstance(wanted, int) and wanted >= 100:
        interval_s = wanted / 1000
        changed.set()
    publish("twin/report", {"reported": {"intervalMs": int(interval_s * 1000)}}, 1)


def obey(command):
    command_id, args = command["commandId"], command["args"]
    if command_id not in done:
        if command["name"] == "blink":
            times = args.get("times", 1)
            print(f"blink {times}", flush=True)
            done[command_id] = {"commandId": command_id, "state": "confirmed", "result": {"blinked": times}}
        else:
            error = {"code": "UNKNOWN", "message": f"I cannot {command['name']}."}
            done[command_id] = {"commandId": command_id, "state": "rejected", "error": error}
        if len(done) > 100:
            del done[next(iter(done))]
    publish("commands/reply", done[command_id], 1)


def on_connect(client, userdata, flags, reason, *rest):
    global refused
    if reason != 0:
        refused = str(reason)
        stopping.set()
        changed.set()
        return
    client.subscribe([(topic("commands"), 1), (topic("twin/delta"), 1)])


def on_subscribe(client, userdata, mid, granted, *rest):
    global refused, started
    bad = [code for code in granted if getattr(code, "value", code) >= 0x80]
    if bad:
        refused = str(bad[0])
        stopping.set()
    else:
        print("connected", flush=True)
        if not started:
            publish("events", {"seq": seq, "name": "started", "level": "info"}, 2)
        started = True
    changed.set()


def on_message(client, userdata, message):
    body = json.loads(message.payload)
    if message.topic.endswith("/commands"):
        obey(body)
    else:
        follow(body["delta"])


def stop(*_):
    stopping.set()
    changed.set()


# paho 2 wants to know for which version the functions above were written; they fit its second
version = getattr(mqtt, "CallbackAPIVersion", None)
options = {"client_id": "example-python", "protocol": mqtt.MQTTv5}
client = mqtt.Client(version.VERSION2, **options) if version else mqtt.Client(**options)
client.username_pw_set("device", os.environ["MUSTER_TOKEN"])
if URL.scheme == "mqtts":
    client.tls_set()
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.on_disconnect = lambda *_: print("away", flush=True)
# paho sends again what was not acknowledged, and tries again after one second, then two
client.reconnect_delay_set(min_delay=1, max_delay=60)
signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
client.connect(URL.hostname, URL.port or (8883 if URL.scheme == "mqtts" else 1883), keepalive=60)
client.loop_start()
changed.wait()
while not stopping.is_set():
    changed.clear()
    if client.is_connected():
        measure()
    changed.wait(interval_s)
client.disconnect()
client.loop_stop()
if refused is not None:
    sys.exit(f"refused: {refused}")
