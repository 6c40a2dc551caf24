//! The fuzzers' seeds, as they are and changed a little: what a fuzzer does first.

use std::fs;
use std::path::PathBuf;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/seeds")
        .join(target);
    let entries = fs::read_dir(&folder).unwrap();
    let seeds: Vec<_> = entries
        .map(|entry| fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(!seeds.is_empty(), "{}", folder.display());
    seeds
}

/// Runs `oracle` on each seed, cut off everywhere, and with each byte made 0, 255 and something else.
fn replay(target: &str, oracle: fn(&[u8])) {
    for mut seed in seeds(target) {
        for len in 0..=seed.len() {
            oracle(&seed[..len]);
        }
        for at in 0..seed.len() {
            let kept = seed[at];
            for byte in [0, 0xff, kept ^ 1] {
                seed[at] = byte;
                oracle(&seed);
            }
            seed[at] = kept;
        }
    }
}

#[test]
fn packages_are_refused_or_what_the_writer_writes() {
    replay("package", oracles::package);
}

#[test]
fn images_are_refused_or_loaded_as_they_say() {
    replay("image", oracles::image);
}

#[test]
fn frames_are_found_in_whatever_arrives() {
    replay("frames", oracles::frames);
}

#[test]
fn file_server_answers_whatever_it_is_asked() {
    replay("files", oracles::files);
}

#[test]
fn network_shadow_serves_whatever_is_in_its_rings() {
    replay("stations", oracles::stations);
}

#[test]
fn links_believe_no_impossible_index() {
    replay("link", oracles::link);
}

#[test]
fn heads_are_decided_once_and_no_path_climbs() {
    replay("heads", oracles::heads);
}

#[test]
fn network_device_is_believed_nothing_that_does_not_fit() {
    replay("descriptors", oracles::descriptors);
}

#[test]
fn datagrams_go_back_whole_or_are_the_librarys() {
    replay("answers", oracles::answers);
}
