"""What an event stream brings: the bell's frames as events, from where its client left off."""

import json
import time

import pytest

from accounts.models import Revocation
from notifications.models import Epoch
from notifications.services import notify, read_all
from tests.markdown import Document
from tests.realtime.test_credential_life import IN_TIME, short_lived
from tests.realtime.test_repair import tell_without_redis
from tests.servers.waiting import until
from tests.servers.workers import CHECKOUT
from tests.sockets import connect
from tests.streams import PATH, listen


def tell(user, *titles):
    """Tell somebody so many things, one after the other; their ids."""
    return [notify(users=user, type="system", title=title, message="…")[0].pk for title in titles]


def titles(events):
    return [event.json["title"] for event in events]


@pytest.fixture(params=["server", "daphne"])
def site(request):
    """Each of the two servers: Uvicorn's and Daphne."""
    return request.getfixturevalue(request.param)


def test_a_stream_greets_and_tells_what_happens_by_name_with_numbers_to_go_on_from(site, mia, token):
    with listen(site, token=token(mia)) as stream:
        greeting = stream.until("connected")
        said = greeting.json
        assert stream.events == [greeting]
        assert (said["user_id"], said["resumed"], greeting.id) == (mia.pk, False, f"{said['epoch']}:{said['seq']}")
        assert len(stream.retries) == 1
        assert 1000 <= stream.retries[0] <= 3000
        [number] = tell(mia, "hello\nthere")
        news = stream.until("notification")
        assert (news.json["id"], news.json["title"], news.json["status"]) == (number, "hello\nthere", "unread")
        assert (news.seq, news.id) == (said["seq"] + 1, f"{said['epoch']}:{said['seq'] + 1}")
        read_all(user_id=mia.pk)
        state = stream.until("notification_state")
        assert (state.json["status"], state.json["unread_count"], state.seq) == ("read", 0, news.seq + 1)
        beat = stream.until("heartbeat")
        assert (beat.json["seq"], beat.id) == (state.seq, state.id)


def test_the_data_of_an_event_are_those_of_a_sockets_frame(server, mia, token):
    with listen(server, token=token(mia)) as stream, connect(server.ws_url + "/api/ws/notifications", token=token(mia)) as socket:
        stream.until("connected")
        socket.until("connected")
        tell(mia, "the same")
        frame = socket.until("notification")
        event = stream.until("notification")
        assert event.json == frame["data"]
        assert event.seq == frame["seq"]


def test_a_browser_goes_on_with_exactly_what_it_missed_and_then_with_what_comes(site, mia, token):
    with listen(site, token=token(mia)) as stream:
        stream.until("connected")
        tell(mia, "seen")
        stream.until("notification")
    tell(mia, "1", "2", "3")
    # The address is that of the first time, and the header is newer.
    with listen(site, token=token(mia), last_id=stream.last_id, query={"since": 0}) as again:
        said = again.until("connected")
        assert (said.json["resumed"], said.id) == (True, stream.last_id)
        tell(mia, "4")
        assert titles(again.take(4, "notification")) == ["1", "2", "3", "4"]
        again.until("heartbeat")
        assert [event.name for event in again.events] == ["connected", *["notification"] * 4, "heartbeat"]


def test_the_first_time_a_page_may_say_where_to_begin(server, mia, token):
    tell(mia, "1", "2")
    with listen(server, token=token(mia), query={"since": 1}) as stream:
        assert stream.until("connected").json["resumed"] is True
        assert titles([stream.until("notification")]) == ["2"]


def test_a_heartbeat_and_a_greeting_are_places_to_go_on_from(server, mia, token):
    with listen(server, token=token(mia)) as stream:
        stream.until("connected")
    tell(mia, "after the greeting")
    with listen(server, token=token(mia), last_id=stream.last_id) as stream:
        assert titles([stream.until("notification")]) == ["after the greeting"]
        stream.until("heartbeat")
        tell(mia, "after the heartbeat")
        last = next(event.id for event in stream.events if event.name == "heartbeat")
    with listen(server, token=token(mia), last_id=last) as stream:
        assert titles([stream.until("notification")]) == ["after the heartbeat"]


@pytest.mark.parametrize("last_id", ["another:1", "{epoch}:999999"])
def test_who_comes_from_another_history_is_told_to_reload(server, mia, token, last_id):
    tell(mia, "old")
    with listen(server, token=token(mia), last_id=last_id.format(epoch=Epoch.objects.get().value)) as stream:
        said = stream.until("connected")
        assert (said.json["resumed"], said.seq) == (False, 1)
        tell(mia, "new")
        assert titles([stream.until("notification")]) == ["new"]


def test_who_was_away_for_too_long_is_told_to_reload(servers, mia, token):
    tell(mia, "1", "2", "3")
    with servers.serve(env={"WS_REPLAY_LIMIT": "2"}) as server:
        with listen(server, token=token(mia), query={"since": 0}) as stream:
            assert (stream.until("connected").json["resumed"], stream.events[0].seq) == (False, 3)
        with listen(server, token=token(mia), query={"since": 1}) as stream:
            assert stream.until("connected").json["resumed"] is True


def test_nobody_is_told_what_is_somebody_elses(server, mia, eve, ann, token):
    people = (eve, ann)
    streams = [listen(server, token=token(user)) for user in people]
    for stream in streams:
        stream.until("connected")
    tell(mia, "for mia only")
    for user, stream in zip(people, streams, strict=True):
        tell(user, "yours")
        stream.until("notification")
        stream.until("heartbeat")
        assert titles(event for event in stream.events if event.name == "notification") == ["yours"]
        assert {event.name for event in stream.events} == {"connected", "notification", "heartbeat"}
        stream.close()


def test_a_customer_is_told_nothing_of_others(server, ann, token):
    with listen(server, token=token(ann)) as stream:
        assert "online_count" not in stream.until("connected").json
        assert set(stream.until("heartbeat").json) == {"seq"}


def test_a_lost_push_is_healed(server, mia, token):
    with listen(server, token=token(mia)) as stream:
        stream.until("connected")
        tell_without_redis(mia, "lost")
        tell(mia, "next")
        assert titles(stream.take(2, "notification")) == ["lost", "next"]
        tell_without_redis(mia, "lost, and nothing follows")
        assert titles([stream.until("notification")]) == ["lost, and nothing follows"]
        stream.until("heartbeat")
        assert [event.seq for event in stream.events if event.name == "notification"] == [1, 2, 3]


def test_who_listens_is_online(server, mia, eve, token, api):
    def online():
        return api(eve).get(f"/api/v1/status/{mia.pk}").json()["online"]

    assert not online()
    with listen(server, token=token(mia)) as stream:
        stream.until("connected")
        assert online()
    until(lambda: not online(), what="mia has gone")


def test_what_somebody_reads_elsewhere_is_told_here(server, mia, token, api):
    with listen(server, token=token(mia)) as stream:
        stream.until("connected")
        [number] = tell(mia, "to be read")
        api(mia).patch(f"/api/v1/notifications/{number}", {"status": "read"})
        said = stream.until("notification_state").json
        assert (said["ids"], said["status"]) == ([number], "read")


def test_the_document_shows_what_comes(server, mia, token):
    shown, _refused = (block.text for block in Document(CHECKOUT, "docs/sse.md").blocks if block.kind == "text")
    with listen(server, token=token(mia)) as stream:
        stream.until("connected")
        tell(mia, "hello")
        stream.until("notification")
        for part, event in zip(shown.strip().split("\n\n")[1:], stream.events, strict=True):
            number, name, data = (line.partition(": ")[2] for line in part.splitlines())
            assert (name, number.count(":"), list(json.loads(data))) == (event.name, 1, list(event.json))


# When its credential ends


def test_who_signs_out_hears_no_more_and_is_not_let_in_again(server, mia, eve, token):
    bearer = token(mia)
    with listen(server, token=bearer) as stream, listen(server, token=token(eve)) as other:
        stream.until("connected")
        other.until("connected")
        Revocation.objects.revoke([mia.pk])
        assert {event.name for event in stream.rest(seconds=IN_TIME)} <= {"connected", "heartbeat"}
        with listen(server, token=bearer, last_id=stream.last_id) as again:
            assert (again.status, json.loads(again.response.read())["error_code"]) == (401, "TOKEN_EXPIRED")
        tell(eve, "still here")
        assert titles([other.until("notification")]) == ["still here"]


def test_a_token_that_runs_out_ends_the_stream_without_an_event_that_no_page_knows(server, mia):
    bearer = short_lived(mia, seconds=3)
    with listen(server, token=bearer) as stream:
        names = {event.name for event in stream.rest(seconds=8)}
        assert names <= {"connected", "heartbeat"}
    with listen(server, token=bearer) as again:
        assert again.status == 401


def test_the_address_may_end_in_a_slash_and_the_token_may_be_a_header_or_a_ticket(site, mia, token, api):
    with listen(site, headers={"Authorization": f"Bearer {token(mia)}"}, path=PATH + "/") as stream:
        stream.until("connected")
    ticket = api(mia).post("/api/v1/ws/ticket").json()["ticket"]
    with listen(site, query={"ticket": ticket}) as stream:
        stream.until("connected")
    with listen(site, query={"ticket": ticket}) as again:
        assert again.status == 401


def test_a_runserver_that_ends_does_not_wait_for_its_streams(servers, mia, token):
    with servers.runserver() as site, listen(site, token=token(mia)) as stream:
        stream.until("connected")
        began = time.monotonic()
        site.stop()
        assert time.monotonic() - began < 8
        stream.rest()
        assert "ERROR" not in site.log
