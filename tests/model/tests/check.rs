//! The model is checked within bounds: narrow ones in every test run, others by name.

use std::time::Instant;

use stateright::{Checker, Model};
use umbra_model::end::complaint;
use umbra_model::model::System;

/// Checks everything within these bounds (`umbra_model::bounds`), and says how much that was.
fn check(bounds: &str) {
    let began = Instant::now();
    let system = System {
        bounds: bounds.parse().expect("bounds"),
    };
    let checker = system.checker().spawn_bfs().join();
    println!(
        "{bounds}: {} states, {} steps, at most {} in a run, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64()
    );
    for (property, path) in checker.discoveries() {
        if checker.discovery_classification(property).to_string() == "counterexample" {
            println!("{property}:");
            let last = path.last_state().clone();
            for action in path.into_actions() {
                println!("    {action:?}");
            }
            println!("{last:#?}\n{:?}", complaint(&last));
        }
    }
    checker.assert_properties();
}

#[test]
fn any_trouble_at_any_step_of_two_orders() {
    check("2,1,");
}

#[test]
fn any_two_troubles_at_any_steps_of_an_order() {
    check("1,2,");
}

#[test]
fn any_trouble_while_overlapping_writes_are_under_way() {
    check("1,1,WW");
}

#[test]
fn any_trouble_at_any_step_while_a_flush_is_under_way() {
    check("1,1,F");
}

#[test]
fn any_trouble_while_two_sessions_have_requests_under_way() {
    check("0,1,WR/W");
}

/// The second of three goes the short way beside another session's, whichever comes first.
#[test]
fn any_trouble_while_single_requests_of_two_sessions_go_the_short_way() {
    check("0,1,W/WW");
}

#[test]
fn any_trouble_while_two_sessions_write_one_block() {
    check("0,1,WR+W");
}

#[test]
fn any_order_while_two_sessions_write_one_block() {
    check("1,0,WR+W");
}

/// No state comes twice when steps are counted: that the search ends shows that every run does.
#[test]
fn every_run_ends() {
    check("1,1,W,steps");
}

#[test]
#[ignore = "set UMBRA_MODEL to the bounds; docs/design/011-model.md has sizes and times"]
fn wider_bounds() {
    let bounds =
        std::env::var("UMBRA_MODEL").expect("UMBRA_MODEL=ORDERS,TROUBLES,SCRIPT[/SCRIPT|+SCRIPT][,steps]");
    check(&bounds);
}
