"""The control process: prepares the ledger and the prices, then keeps house.

Workers start once it is ready and never wait for it afterwards; calls go on while it restarts.
"""

import asyncio
import signal
import socket

from outlay.bootstrap.control import Control, open_control, prepare
from outlay.jobs.schedule import repeat
from outlay.processes.channel import say_ready
from outlay.processes.fatal import end_process
from outlay.processes.logs import configure_logs
from outlay.settings import Settings


def control_main(settings: Settings, channel: socket.socket) -> None:
    """Prepare, say so, then run the jobs until SIGTERM or until the supervisor is gone."""
    configure_logs(settings.log_level, as_json=settings.log_json, process="control")
    asyncio.run(_run(settings, channel))


async def _run(settings: Settings, channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await asyncio.to_thread(prepare, settings)
    control = await open_control(settings, on_fatal=end_process)
    try:
        await _keep_house(control, channel, stopping)
    finally:
        await control.close()


async def _keep_house(control: Control, channel: socket.socket, stopping: asyncio.Event) -> None:
    channel.setblocking(False)
    say_ready(channel)
    loop = asyncio.get_running_loop()
    loop.add_reader(channel, stopping.set)
    tasks = [asyncio.create_task(repeat(job, stopping)) for job in control.jobs]
    await stopping.wait()
    loop.remove_reader(channel)
    await asyncio.gather(*tasks)
