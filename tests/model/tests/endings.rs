//! How an update ends if one party dies once, whenever that is.

use umbra_model::endings::{Crash, Ended, Endings};

#[test]
fn undisturbed_update_ends_one_way() {
    for (bad, expected) in [(false, Ended::Done), (true, Ended::RolledBack)] {
        let endings = Endings::search(bad);
        let undisturbed = endings.undisturbed();
        println!("{bad}: {endings:#?}");
        assert_eq!(undisturbed.len(), 1, "{undisturbed:?}");
        for ending in undisturbed {
            assert_eq!((ending.update, ending.new_serves), (Some(expected), !bad));
            assert_eq!((ending.later.len(), ending.generations), (0, 1));
        }
        // Nobody notices a shadow or a stager that was started anew.
        assert_eq!(endings.of(Crash::Shadow), endings.undisturbed());
        assert_eq!(endings.of(Crash::Stager), endings.undisturbed());
    }
}
