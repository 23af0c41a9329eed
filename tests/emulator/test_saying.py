"""What is said: text to a stop, JSON of a schema, and functions when they are called for."""

import json
from typing import Any

import pytest

from outlay.emulator.openai_chat import read_chat
from outlay.emulator.saying import Choice, say_choices
from outlay.emulator.steering import read_steering
from outlay.emulator.wire_format import Target
from tests.emulator.raw import chat

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
        },
    },
}
TIME: dict[str, Any] = {"type": "function", "function": {"name": "get_time", "parameters": {}}}


def say(body: dict[str, Any], steering: str = "") -> Choice:
    (choice,) = say_choices(read_chat(body, Target()), read_steering(steering), thinks=False)
    return choice


def called(body: dict[str, Any], steering: str = "") -> list[str]:
    return [call.name for call in say(body | {"tools": [WEATHER, TIME]}, steering).calls]


def test_arguments_fit_the_schema() -> None:
    (call,) = say(chat("x", tools=[WEATHER], tool_choice="required")).calls
    arguments = json.loads(call.arguments)
    assert arguments["days"] == 7
    assert isinstance(arguments["city"], str)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("What is the weather in Lisbon?", []),
        ("Please use the tool.", ["get_weather"]),
        ("Use the get_time tool", ["get_time"]),
        ("call get_time and call get_weather", ["get_weather", "get_time"]),
        ("get_time is a nice name", []),
    ],
)
def test_functions_are_called_when_the_text_says_so(text: str, names: list[str]) -> None:
    assert called(chat(text)) == names


def test_functions_are_called_when_forced() -> None:
    named = {"type": "function", "function": {"name": "get_time"}}
    assert called(chat("x", tool_choice="required")) == ["get_weather"]
    assert called(chat("x", tool_choice=named)) == ["get_time"]
    assert called(chat("use the tool", tool_choice="none")) == []


def test_steering_calls_as_many_as_it_says() -> None:
    assert called(chat("x"), "tool_calls=3") == ["get_weather", "get_time", "get_weather"]


def test_no_function_is_called_right_after_a_result() -> None:
    """Otherwise an agent would never come to an end."""
    body = chat("use the tool")
    body["messages"].append({"role": "tool", "tool_call_id": "1", "content": "use the tool: 7"})
    assert called(body) == []


def test_json_mode_says_json() -> None:
    text = "".join(say(chat("x", response_format={"type": "json_object"})).text)
    assert list(json.loads(text)) == ["answer"]


def test_a_schema_is_filled() -> None:
    schema = {"type": "object", "properties": {"sum": {"type": "integer"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    assert json.loads("".join(say(chat("x", response_format=wanted)).text)) == {"sum": 7}


def test_text_ends_before_a_stop() -> None:
    said = "".join(say(chat("x"), "").text)
    word = said.split()[3]
    assert "".join(say(chat("x", stop=[word])).text) == said[: said.index(word)]


def test_calls_that_do_not_fit_the_limit_are_not_made() -> None:
    choice = say(chat("x", tools=[WEATHER], tool_choice="required", max_tokens=3))
    assert choice.calls == ()
    assert choice.is_cut
    assert choice.output_tokens == 3
