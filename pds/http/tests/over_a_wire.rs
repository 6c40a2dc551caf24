//! The server at one end of a wire, clients at the other, and a file server that keeps count.

mod world;

use proptest::prelude::*;
use world::{CONNECTIONS, File, World, get};

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 253) as u8).collect()
}

#[test]
fn files_are_served_whole_again_and_again_on_one_connection() {
    let mut world = World::new(&[("/A.TXT", 100), ("/DIR/BIG.BIN", 200_000), ("/EMPTY", 0)]);
    let client = world.connect();
    for _ in 0..3 {
        for (path, len) in [("/A.TXT", 100), ("/DIR/BIG.BIN", 200_000), ("/EMPTY", 0)] {
            let answer = world.ask(client, &get(path));
            assert_eq!(
                (answer.status, answer.body == content(len)),
                (200, true),
                "{path}"
            );
            assert!(answer.keep_alive);
        }
        let answer = world.ask(client, &get("/NONE.TXT"));
        assert_eq!((answer.status, answer.keep_alive), (404, true));
    }
    assert_eq!(world.open_handles(), 0, "a file that nobody wants is closed");
}

#[test]
fn head_has_the_length_and_no_body() {
    let mut world = World::new(&[("/A.TXT", 12345)]);
    let client = world.connect();
    let answer = world.ask(client, "HEAD /A.TXT HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status, answer.length, answer.body.len()), (200, 12345, 0));
    assert_eq!(world.ask(client, &get("/A.TXT")).body, content(12345));
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let mut world = World::new(&[("/A", 3000), ("/B", 5)]);
    let client = world.connect();
    world.say(
        client,
        &[get("/A"), get("/B"), get("/status.json"), get("/")].concat(),
    );
    assert_eq!(world.answer(client).body, content(3000));
    assert_eq!(world.answer(client).body, content(5));
    assert_eq!(world.answer(client).body, b"{\"made\":true}");
    assert!(world.answer(client).body.starts_with(b"<!doctype"));
}

#[test]
fn connection_that_is_not_to_be_kept_is_closed_after_the_answer() {
    let mut world = World::new(&[("/A", 70_000)]);
    let client = world.connect();
    let answer = world.ask(client, "GET /A HTTP/1.0\r\n\r\n");
    assert_eq!((answer.body == content(70_000), answer.keep_alive), (true, false));
    assert!(world.is_closed(client));
}

#[test]
fn connections_one_after_the_other_always_find_a_place() {
    let mut world = World::new(&[("/A", 1000)]);
    let begun = world.now();
    for number in 0..5 * CONNECTIONS {
        let client = world.try_connect();
        let answer = world.ask(client, "GET /A HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert!(answer.body == content(1000), "connection {number}");
        assert!(world.is_closed(client));
        world.hang_up(client, false);
    }
    assert!(world.now() < begun + 2000, "sooner than any patience ends");
}

#[test]
fn garbage_is_refused_and_others_are_served() {
    let mut world = World::new(&[("/A", 1000)]);
    let good = world.connect();
    for (bytes, status) in [
        ("\x16\x03\x01\x02\x00\x01\x00\x01\u{fc}", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
            413,
        ),
        ("DELETE /A HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ] {
        let bad = world.connect();
        let answer = world.ask(bad, bytes);
        assert_eq!((answer.status, answer.keep_alive), (status, false), "{bytes}");
        assert!(world.is_closed(bad));
        assert_eq!(world.ask(good, &get("/A")).body, content(1000));
    }
}

#[test]
fn paths_that_climb_reach_no_file_server() {
    let mut world = World::new(&[("/A", 10)]);
    let client = world.connect();
    for path in ["/../A", "/%2e%2e/A", "/B/../A", "/./A", "//A", "/..%2fA", "/A%00"] {
        assert_eq!(world.ask(client, &get(path)).status, 404, "{path}");
    }
    assert_eq!(world.opened(), 0);
}

#[test]
fn head_without_end_is_refused() {
    let mut world = World::new(&[]);
    let client = world.connect();
    let answer = world.ask(client, &format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(5000)));
    assert_eq!((answer.status, answer.keep_alive), (431, false));
    let client = world.connect();
    let answer = world.ask(client, &format!("GET /{}", "a".repeat(5000)));
    assert_eq!((answer.status, answer.keep_alive), (414, false));
}

#[test]
fn slow_heads_and_idle_clients_lose_their_places_and_slow_readers_in_time() {
    let mut world = World::new(&[("/BIG", 3_000_000)]);
    let (drip, idle, deaf) = (world.connect(), world.connect(), world.connect());
    world.stop_reading(deaf);
    world.say(deaf, &get("/BIG"));
    for byte in get("/BIG").bytes().take(20) {
        world.say(drip, core::str::from_utf8(&[byte]).unwrap());
        world.pass(1000);
    }
    assert_eq!(world.answer(drip).status, 408, "a byte a second is too slow");
    assert!(!world.is_closed(idle));
    world.pass(60_000);
    assert!(world.is_closed(idle));
    assert!(world.is_gone(deaf), "nobody waits for ever");
    assert_eq!(world.open_handles(), 0);
}

#[test]
fn those_who_go_on_a_byte_at_a_time_lose_their_places() {
    let mut world = World::new(&[("/BIG", 3_000_000), ("/A", 10)]);
    let (reader, talker) = (world.connect(), world.connect());
    world.stop_reading(reader);
    world.say(reader, &get("/BIG"));
    let last = "GET /A HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_eq!(world.ask(talker, last).status, 200);
    for second in 0..120 {
        world.read_a_little(reader, 100);
        if !world.is_gone(talker) {
            world.say(talker, "x");
        }
        world.pass(1000);
        assert!(world.is_gone(talker) || second < 5, "all was said");
    }
    assert!(world.is_gone(reader));
    assert_eq!(world.open_handles(), 0);
}

#[test]
fn too_many_clients_do_not_harm_those_that_are_served() {
    let mut world = World::new(&[("/BIG", 100_000)]);
    let first: Vec<_> = (0..CONNECTIONS).map(|_| world.connect()).collect();
    for client in &first {
        world.say(*client, &get("/BIG"));
    }
    let more: Vec<_> = (0..CONNECTIONS).map(|_| world.try_connect()).collect();
    for client in &first {
        assert_eq!(world.answer(*client).body, content(100_000));
    }
    assert!(
        more.iter().all(|client| world.is_gone(*client)),
        "there was no room"
    );
    world.pass(8000);
    let late = world.connect();
    assert_eq!(
        world.ask(late, &get("/BIG")).body.len(),
        100_000,
        "who was idle made room"
    );
}

#[test]
fn crowd_that_says_nothing_does_not_harm_a_connection_in_use() {
    let mut world = World::new(&[("/A", 1000)]);
    let kept = world.connect();
    assert_eq!(world.ask(kept, &get("/A")).body, content(1000));
    for _ in 0..2 * CONNECTIONS {
        world.try_connect();
    }
    // It is not the first to leave because it has been here for longest.
    world.pass(1500);
    for question in 0..40 {
        let answer = world.ask(kept, &get("/A"));
        assert!(answer.body == content(1000), "question {question}");
        world.pass(100);
    }
}

#[test]
fn crowd_that_does_not_end_its_heads_keeps_nobody_out() {
    let mut world = World::new(&[("/A", 1000)]);
    for _ in 0..CONNECTIONS {
        let client = world.try_connect();
        world.say(client, "G");
    }
    world.pass(1500);
    let late = world.connect();
    assert_eq!(world.ask(late, &get("/A")).body, content(1000));
}

#[test]
fn those_who_knock_and_are_not_there_lose_their_places_to_those_who_are() {
    let mut world = World::new(&[("/A", 1000)]);
    let kept = world.connect();
    assert_eq!(world.ask(kept, &get("/A")).body, content(1000));
    // More than there are places, again and again.
    for number in 0..10 * CONNECTIONS as u16 {
        world.knock(number);
        world.pass(18);
        if number % 10 == 9 {
            let real = world.connect();
            assert_eq!(world.ask(real, &get("/A")).body, content(1000), "knock {number}");
            world.hang_up(real, false);
        }
    }
    assert_eq!(world.ask(kept, &get("/A")).body, content(1000));
    let tally = world.tally();
    assert!(tally.made_room > 8 * CONNECTIONS as u64, "{tally:?}");
}

#[test]
fn those_who_knock_and_are_not_there_are_forgotten_though_nobody_wants_their_places() {
    let mut world = World::new(&[]);
    world.pass(5);
    (0..CONNECTIONS as u16 - 1).for_each(|number| world.knock(number));
    assert_eq!(world.tally().connections, CONNECTIONS as u64 - 1);
    // Nor do they keep their places while they are told so, whom no word reaches.
    world.pass(10_300);
    let tally = world.tally();
    assert_eq!((tally.connections, tally.given_up), (0, CONNECTIONS as u64 - 1));
}

#[test]
fn burst_of_clients_comes_in_as_far_as_there_are_places() {
    let mut world = World::new(&[("/A", 1000)]);
    let clients: Vec<_> = (0..2 * CONNECTIONS).map(|_| world.begin_connecting()).collect();
    world.pass(20);
    let inside = clients.iter().filter(|client| !world.is_gone(**client)).count();
    assert_eq!(
        inside, CONNECTIONS,
        "who comes late turns nobody away who is coming in"
    );
}

#[test]
fn last_place_is_for_who_knocks_after_a_pause_too() {
    let mut world = World::new(&[("/A", 1000)]);
    for _ in 1..CONNECTIONS {
        world.connect();
    }
    world.knock_and_leave(0);
    world.sleep(150);
    let last = world.connect();
    assert_eq!(world.ask(last, &get("/A")).body, content(1000));
    assert_eq!(world.tally().made_room, 0, "nobody had to leave, nor he");
}

#[test]
fn client_whose_end_of_the_handshake_is_lost_more_than_once_is_let_in() {
    let mut world = World::new(&[("/A", 1000)]);
    world.connect();
    let client = world.begin_connecting();
    // He has knocked, and is answered.
    world.turn();
    world.lose_what_is_asked(1);
    world.pass(5_000);
    world.lose_what_is_asked(0);
    // More than a minute since he knocked, and less since he came in.
    world.pass(57_000);
    assert_eq!(world.ask(client, &get("/A")).body, content(1000));
}

#[test]
fn more_files_than_handles_are_all_served() {
    let names: Vec<String> = (0..CONNECTIONS).map(|number| format!("/F{number}")).collect();
    let files: Vec<(&str, usize)> = names.iter().map(|name| (&**name, 20_000 + name.len())).collect();
    let mut world = World::new(&files);
    let clients: Vec<_> = files
        .iter()
        .map(|(name, _)| {
            let client = world.connect();
            world.say(client, &get(name));
            client
        })
        .collect();
    for (client, (name, len)) in clients.iter().zip(&files) {
        assert_eq!(world.answer(*client).body, content(*len), "{name}");
    }
    assert!(world.most_handles() <= 8);
}

#[test]
fn file_server_that_starts_anew_in_the_middle_costs_nobody_anything() {
    let mut world = World::new(&[("/BIG", 150_000), ("/B", 90_000)]);
    let clients = [world.connect(), world.connect(), world.connect()];
    for (client, path) in clients.iter().zip(["/BIG", "/BIG", "/B"]) {
        world.say(*client, &get(path));
    }
    for _ in 0..6 {
        for client in clients {
            world.read_a_little(client, 7000);
        }
        world.restart_files();
    }
    for (client, len) in clients.iter().zip([150_000, 150_000, 90_000]) {
        assert_eq!(world.answer(*client).body, content(len));
    }
}

#[test]
fn file_that_changed_meanwhile_is_not_passed_off_as_the_old_one() {
    let mut world = World::new(&[("/BIG", 150_000)]);
    let client = world.connect();
    world.say(client, &get("/BIG"));
    world.read_a_little(client, 20_000);
    world.restart_files();
    world.replace("/BIG", File::of(140_000));
    assert!(world.answer(client).broken_off);
}

#[test]
fn file_server_that_fails_or_lies_is_unavailable_and_the_page_is_not() {
    for lie in 0..4 {
        let mut world = World::new(&[("/A", 10_000)]);
        let client = world.connect();
        world.lie(lie);
        let answer = world.ask(client, &get("/A"));
        assert!(
            answer.status == 503 || answer.broken_off,
            "{lie}: {}",
            answer.status
        );
        let client = world.connect();
        assert_eq!(world.ask(client, &get("/status.json")).status, 200);
        let again = world.ask(client, &get("/A"));
        assert!(again.status == 503 || again.broken_off, "{lie}: {}", again.status);
    }
}

#[test]
fn wire_that_loses_and_repeats_corrupts_nothing() {
    let mut world = World::new(&[("/BIG", 100_000)]);
    world.disturb(13, 7);
    let clients: Vec<_> = (0..4).map(|_| world.connect()).collect();
    for client in &clients {
        world.say(*client, &get("/BIG"));
    }
    for client in &clients {
        assert_eq!(world.answer(*client).body, content(100_000));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever clients say and whenever they leave, the server serves who asks properly, and keeps no file open.
    #[test]
    fn hostile_clients_harm_nobody(
        steps in proptest::collection::vec((0usize..6, 0u8..6, proptest::collection::vec(any::<u8>(), 0..200), 0u64..3000), 1..40),
    ) {
        let mut world = World::new(&[("/A", 9_000), ("/B", 20)]);
        let mut clients: Vec<_> = (0..6).map(|_| world.try_connect()).collect();
        for (client, step, bytes, ms) in steps {
            match step {
                0 => world.say_bytes(clients[client], &bytes),
                1 => world.say(clients[client], &get("/A")),
                2 => world.say_bytes(clients[client], &get("/B").as_bytes()[..bytes.len().min(20)]),
                3 => world.hang_up(clients[client], bytes.len() % 2 == 0),
                4 => world.inject(bytes),
                _ => clients[client] = world.try_connect(),
            }
            world.pass(ms);
        }
        for client in clients {
            world.hang_up(client, true);
        }
        world.pass(70_000);
        let good = world.connect();
        prop_assert_eq!(world.ask(good, &get("/A")).body, content(9_000));
        prop_assert_eq!(world.open_handles(), 0);
    }
}
