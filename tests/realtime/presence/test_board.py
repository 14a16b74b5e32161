"""The board tells each change once and in order, whatever is lost, doubled, late or forgotten. No Redis and no sockets."""

from __future__ import annotations

from tests.realtime.presence.memory import CUSTOMER, Looker, Memory, begun, tick


def test_changes_that_come_in_another_order_are_told_in_their_own() -> None:
    board, memory = begun()
    looker = Looker(board, 100)
    changes = [memory.set(1, "online"), memory.set(1, "offline"), memory.set(1, "online")]
    for change in reversed(changes):
        board.take("one", [change])
    assert looker.told() == [("user_status", 1, "online"), ("user_status", 1, "offline"), ("user_status", 1, "online")]


def test_a_change_that_comes_twice_is_told_once() -> None:
    board, memory = begun()
    looker = Looker(board, 100)
    change = memory.set(1, "online")
    for _ in range(3):
        board.take("one", [change])
    assert (looker.told(), looker.count) == ([("user_status", 1, "online")], 1)


def test_a_change_that_never_came_is_told_by_the_second_tick_and_what_came_after_it_is_told_once() -> None:
    board, memory = begun(3)
    looker = Looker(board, 100)
    memory.set(1, "online")
    board.take("one", [memory.set(2, "online"), memory.set(3, "offline")])
    assert looker.told() == []
    tick(board, memory)
    tick(board, memory)
    assert sorted(looker.told()) == [("user_status", 1, "online"), ("user_status", 2, "online"), ("user_status", 3, "offline")]
    assert looker.count == 2


def test_a_redis_that_forgot_is_not_believed_while_it_is_young() -> None:
    board, memory = begun(1, 2)
    looker = Looker(board, 100)
    memory = Memory("two")
    memory.set(1, "online")
    tick(board, memory, young=True)
    assert looker.told() == []
    memory.set(2, "online")
    tick(board, memory)
    assert (looker.told(), looker.count, board.era) == ([], 2, "two")


def test_what_was_kept_of_a_lost_memory_is_not_told_under_the_numbers_of_the_next() -> None:
    board, memory = begun(1)
    looker = Looker(board, 100)
    memory.set(2, "online")
    board.take("one", [memory.set(3, "online")])  # kept: the one before it never came
    memory = Memory("two")
    memory.set(1, "online")
    memory.set(4, "online")
    tick(board, memory)
    board.take("two", [memory.set(5, "online")])
    assert sorted(looker.told()) == [("user_status", 4, "online"), ("user_status", 5, "online")]
    assert looker.count == 3


def test_a_redis_that_went_back_and_counted_on_past_us_is_looked_at_again() -> None:
    board, memory = begun(1)
    looker = Looker(board, 100)
    board.take("one", [memory.set(2, "online"), memory.set(3, "online")])
    older = Memory()
    older.set(1, "online")  # as it was saved
    for user in (4, 5):
        older.set(user, "online")
    older.set(1, "offline")
    board.doubt()
    tick(board, older)
    assert looker.count == 2
    assert {user for user, status in looker.seen.items() if status == "online"} == {4, 5}


def test_what_is_heard_while_all_is_fetched_follows_at_once() -> None:
    board, memory = begun()
    looker = Looker(board, 100)
    memory.set(1, "online")
    snapshot, asked_at = memory.answer(), board.version
    board.take("one", [memory.set(2, "online")])
    board.restore(snapshot, asked_at=asked_at)
    assert looker.told() == [("user_status", 1, "online"), ("user_status", 2, "online")]


def test_above_the_limit_only_those_who_watch_are_told_and_below_it_all_count_anew() -> None:
    board, memory = begun(1, 2)
    looker, watcher = Looker(board, 100), Looker(board, 101)
    board.take("one", [memory.turn()])
    assert board.watch(watcher, [1], []) == {1}
    board.learn(watcher, "p", {1: "online"})
    board.take("one", [memory.set(1, "offline"), memory.set(2, "offline")])
    assert (looker.told(), watcher.told()) == ([], [("user_status", 1, "offline")])
    board.take("one", [memory.turn()])
    memory.set(1, "online")  # not heard before all is fetched
    tick(board, memory)
    assert [(each.count, each.greetings) for each in (looker, watcher)] == [(1, 2), (1, 2)]
    assert watcher.told()[-1] == ("user_status", 1, "online")


def test_who_chooses_to_be_seen_or_not_counts_anew_because_it_is_not_told_of_itself() -> None:
    board, memory = begun(1)
    one, other = Looker(board, 1), Looker(board, 100)
    assert (one.count, other.count) == (1, 1)
    board.take("one", [memory.set(1, "offline")])
    assert (one.count, other.count, other.greetings) == (0, 0, 1)
    board.take("one", [memory.set(1, "online")])
    assert (one.count, other.count, one.told()) == (1, 1, [])


def test_customers_are_told_of_to_agents_only_and_counted_by_nobody() -> None:
    board, memory = begun()
    member, agent = Looker(board, 100), Looker(board, 101, is_agent=True)
    board.take("one", [memory.set(CUSTOMER, "online"), memory.set(CUSTOMER, "offline")])
    assert member.told() == []
    assert agent.told() == [("presence", CUSTOMER, "online"), ("presence", CUSTOMER, "offline")]
    assert (member.count, agent.count) == (0, 0)


def test_a_customer_is_told_of_its_agent_alone_whatever_everybody_is_told() -> None:
    board, memory = begun(1)
    customer, member = Looker(board, CUSTOMER, counts=False, sees_all=False), Looker(board, 100)
    assert board.watch(customer, [1], []) == {1}
    board.take("one", [memory.set(2, "online"), memory.set(1, "away"), memory.set(1, "offline")])
    assert customer.told() == [("presence", 1, "away"), ("presence", 1, "offline")]
    assert member.told() == [("user_status", 2, "online"), ("presence", 1, "away"), ("user_status", 1, "offline")]
    board.watch(customer, [2], [])
    board.take("one", [memory.set(1, "online"), memory.set(2, "busy")])
    assert customer.told()[2:] == [("presence", 2, "busy")]
    board.remove(customer)
    board.take("one", [memory.set(2, "offline")])
    assert len(customer.told()) == 3


def test_who_begins_to_watch_takes_no_news_from_those_who_watch_already() -> None:
    board, memory = begun()
    first, second = Looker(board, 100), Looker(board, 101)
    board.take("one", [memory.turn()])
    board.watch(first, [1], [])
    late = memory.set(1, "online")
    board.watch(second, [1], [])
    board.learn(second, "p", {1: "online"})
    board.take("one", [late])
    assert (first.told(), second.told()) == ([("user_status", 1, "online")], [])
