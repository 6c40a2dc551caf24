use super::*;

fn folder() -> (tempfile::TempDir, Keys) {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::at(&folder.path().join("keys")).unwrap();
    (folder, keys)
}

#[test]
fn the_first_use_makes_a_development_key_and_later_ones_keep_it() {
    let (folder, keys) = folder();
    let first = keys.default_signer().unwrap();
    assert_eq!(keys.trusted().unwrap(), [*first.pk]);
    let again = Keys::at(&folder.path().join("keys")).unwrap();
    assert_eq!(*again.default_signer().unwrap().pk, *first.pk);
}

#[test]
fn the_secret_half_is_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, _) = folder();
    let mode = std::fs::metadata(folder.path().join("keys/development.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o77, 0);
}

#[test]
fn a_new_key_signs_but_is_trusted_only_when_it_is_said() {
    let (_folder, keys) = folder();
    keys.create("ship").unwrap();
    let ship = *keys.signer("ship").unwrap().pk;
    assert!(!keys.trusted().unwrap().contains(&ship));
    assert_eq!(keys.trust("ship").unwrap(), "ship");
    assert!(keys.trusted().unwrap().contains(&ship));
    keys.revoke(DEVELOPMENT).unwrap();
    assert_eq!(keys.trusted().unwrap(), [ship]);
    assert_eq!(keys.revoke("ship").unwrap(), ship);
    assert!(
        keys.trusted().is_err(),
        "an image that trusts nobody can run nothing"
    );
    assert!(keys.revoke("ship").is_err());
}

#[test]
fn a_key_of_somebody_else_is_trusted_by_its_file() {
    let (_folder, keys) = folder();
    let (elsewhere, others) = self::folder();
    others.create("vendor").unwrap();
    others.trust("vendor").unwrap();
    let file = elsewhere.path().join("keys/trusted/vendor.pub");
    assert_eq!(keys.trust(file.to_str().unwrap()).unwrap(), "vendor");
    let vendor = *others.signer("vendor").unwrap().pk;
    assert!(keys.trusted().unwrap().contains(&vendor));
    assert!(keys.signer("vendor").is_err());
    let entry = keys.name_of(&vendor).unwrap();
    assert!(entry.trusted && !entry.ours);
    std::fs::write(&file, "no key").unwrap();
    assert!(keys.trust(file.to_str().unwrap()).is_err());
}

#[test]
fn names_that_are_no_file_names_and_names_that_are_taken_are_refused() {
    let (_folder, keys) = folder();
    for name in ["", "../up", "a b", "a/b", "dotted.name", &"x".repeat(65)] {
        assert!(keys.create(name).is_err(), "{name}");
    }
    keys.create("one").unwrap();
    assert!(keys.create("one").is_err());
}

#[test]
fn more_keys_than_an_image_holds_are_refused() {
    let (_folder, keys) = folder();
    for number in 0..MAX_KEYS {
        let name = format!("key{number}");
        keys.create(&name).unwrap();
        keys.trust(&name).unwrap();
    }
    assert!(keys.trusted().is_err());
}
