"""One call that is being answered and billed: its plan, its line, what was said so far."""

from dataclasses import dataclass

from outlay.emulator.bill import Bill, CallFacts, CallState
from outlay.emulator.counting import Quantities
from outlay.emulator.planning import Plan
from outlay.emulator.steering import OnAbort
from outlay.emulator.wire_format import Frame


@dataclass(slots=True)
class BilledCall:
    """A call under way. Exactly one of `complete` and `abort` takes effect, the first."""

    plan: Plan
    bill: Bill
    facts: CallFacts
    said: int = 0
    thought: int = 0
    is_settled: bool = False

    def start(self) -> None:
        """Charge the input: the work has begun."""
        if self.is_settled:
            return
        self.bill.write(self.facts, CallState.STARTED, self.plan.billed_until(0, 0))

    def count(self, frame: Frame) -> None:
        """Count a frame that goes out."""
        self.said += frame.output
        self.thought += frame.reasoning

    def complete(self) -> None:
        """Charge the whole answer."""
        if not self.is_settled:
            self.is_settled = True
            self.bill.write(self.facts, CallState.COMPLETE, self.plan.billed_whole())

    def abort(self) -> None:
        """Charge an answer that ended early, as the steering says."""
        if self.is_settled:
            return
        self.is_settled = True
        self.bill.write(self.facts, CallState.ABORTED, self._charge_broken())

    def _charge_broken(self) -> list[tuple[str, Quantities]]:
        match self.plan.steering.bill_on_abort:
            case OnAbort.FULL:
                return self.plan.billed_whole()
            case OnAbort.PRODUCED:
                return self.plan.billed_until(self.said, self.thought)
            case OnAbort.NOTHING:
                return []
