//! What keys do: orders, each after a question.

use super::view::View;
use crate::ctl::text;
use control_protocol::PackageHash;
use control_protocol::reply::Condition;

/// What the operator ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// End the view.
    Quit,
    /// Put a package of the store in.
    Update {
        /// Device.
        device: String,
        /// Package.
        package: PackageHash,
    },
    /// Go back to the package before.
    Rollback {
        /// Device.
        device: String,
    },
    /// Make the update on probation final.
    Commit {
        /// Device.
        device: String,
    },
    /// Give up what is staged, or undo the update on probation.
    Discard {
        /// Device.
        device: String,
    },
}

/// A key, as far as the view knows any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Up.
    Up,
    /// Down.
    Down,
    /// Enter.
    Enter,
    /// Escape.
    Escape,
    /// Control-C.
    Interrupt,
    /// A character.
    Character(char),
}

/// What stands before the table of devices and wants an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialogue {
    /// Nothing.
    None,
    /// Which package of the store? Its place in the list.
    Choose(usize),
    /// Is this meant?
    Confirm(Order, String),
}

impl View {
    /// What a key means.
    pub fn key(&mut self, key: Key) -> Option<Order> {
        if key == Key::Interrupt {
            return Some(Order::Quit);
        }
        match std::mem::replace(&mut self.dialogue, Dialogue::None) {
            Dialogue::None => self.key_of_table(key),
            Dialogue::Choose(at) => {
                self.key_of_list(at, key);
                None
            }
            Dialogue::Confirm(order, question) => match key {
                Key::Character('y' | 'Y') => Some(order),
                // Enter alone is too easily pressed twice.
                Key::Character('n' | 'N') | Key::Escape => {
                    self.message = "not done".into();
                    None
                }
                _ => {
                    self.dialogue = Dialogue::Confirm(order, question);
                    None
                }
            },
        }
    }

    fn key_of_table(&mut self, key: Key) -> Option<Order> {
        match key {
            Key::Character('q') | Key::Escape => return Some(Order::Quit),
            Key::Up => self.chosen = self.chosen.saturating_sub(1),
            Key::Down => self.chosen = (self.chosen + 1).min(self.rows.len().saturating_sub(1)),
            Key::Character('u') => self.begin_update(),
            Key::Character('r') => self.begin_rollback(),
            Key::Character('c') => self.begin_commit(),
            Key::Character('d') => self.begin_discard(),
            _ => {}
        }
        None
    }

    fn begin_update(&mut self) {
        let Some(row) = self.chosen() else { return };
        if let Condition::Changing { job, .. } = row.device.condition {
            self.message = format!("{} is in the middle of job {job}", row.device.name);
        } else if self.packages.is_empty() {
            self.message =
                "the store has no package: `cargo umbra ctl stage PKG` or `top PKG` brings one".into();
        } else {
            self.dialogue = Dialogue::Choose(0);
        }
    }

    fn begin_rollback(&mut self) {
        let Some(row) = self.chosen() else { return };
        let device = row.device.name.to_string();
        let Some(previous) = &row.device.previous else {
            self.message = format!("{device}: there is nothing to go back to");
            return;
        };
        let question = format!(
            "Put {} back in place of {} on {device}?",
            text::package(Some(previous)),
            text::package(row.device.package.as_ref())
        );
        self.dialogue = Dialogue::Confirm(Order::Rollback { device }, question);
    }

    fn begin_commit(&mut self) {
        let Some(row) = self.chosen() else { return };
        let device = row.device.name.to_string();
        if row.device.condition != Condition::Probation {
            self.message = format!("{device}: no update is on probation");
            return;
        }
        let driver = text::package(row.device.package.as_ref());
        let question = format!("Make {driver} final on {device}?");
        self.dialogue = Dialogue::Confirm(Order::Commit { device }, question);
    }

    fn begin_discard(&mut self) {
        let Some(row) = self.chosen() else { return };
        let device = row.device.name.to_string();
        let question = match &row.device.staged {
            Some(staged) => format!("Give up {}, staged for {device}?", text::package(Some(staged))),
            None if row.device.condition == Condition::Probation => format!(
                "Undo the update of {device} to {}?",
                text::package(row.device.package.as_ref())
            ),
            None => {
                self.message = format!("{device}: nothing is staged, and no update is on probation");
                return;
            }
        };
        self.dialogue = Dialogue::Confirm(Order::Discard { device }, question);
    }

    fn key_of_list(&mut self, at: usize, key: Key) {
        let last = self.packages.len().saturating_sub(1);
        self.dialogue = match key {
            Key::Up => Dialogue::Choose(at.saturating_sub(1)),
            Key::Down => Dialogue::Choose((at + 1).min(last)),
            Key::Escape | Key::Character('q') => Dialogue::None,
            Key::Enter => match (self.packages.get(at), self.chosen()) {
                (Some(package), Some(row)) => {
                    let device = row.device.name.to_string();
                    let question = format!(
                        "Replace {} by {} on {device}?",
                        text::package(row.device.package.as_ref()),
                        package.label
                    );
                    let package = package.sha256;
                    Dialogue::Confirm(Order::Update { device, package }, question)
                }
                _ => Dialogue::None,
            },
            Key::Character(_) | Key::Interrupt => Dialogue::Choose(at),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::Row;
    use super::super::view::tests::view;
    use super::*;

    #[test]
    fn nothing_is_ordered_without_a_yes() {
        let mut view = view();
        for keys in ["u\nn", "u\n\n\n", "ux", "rn", "r\n", "u\nq", "cy", "dy"] {
            for key in keys.chars() {
                let key = if key == '\n' {
                    Key::Enter
                } else {
                    Key::Character(key)
                };
                assert_eq!(view.key(key), None, "{keys:?}");
            }
            while view.dialogue != Dialogue::None {
                view.key(Key::Escape);
            }
        }
    }

    #[test]
    fn update_takes_the_chosen_package_after_a_yes() {
        let mut view = view();
        for key in [Key::Character('u'), Key::Down, Key::Down, Key::Enter] {
            assert_eq!(view.key(key), None);
        }
        let Dialogue::Confirm(_, question) = &view.dialogue else {
            panic!("{:?}", view.dialogue)
        };
        assert_eq!(
            question,
            "Replace virtio-blk 0.12.0 by virtio-blk 0.13.0 on disk0?"
        );
        let order = Order::Update {
            device: "disk0".into(),
            package: [2; 32],
        };
        assert_eq!(view.key(Key::Character('y')), Some(order));
        assert_eq!(view.dialogue, Dialogue::None);
    }

    #[test]
    fn rollback_needs_something_to_go_back_to() {
        let mut view = view();
        view.key(Key::Character('r'));
        assert_eq!(
            view.key(Key::Character('y')),
            Some(Order::Rollback {
                device: "disk0".into()
            })
        );
        view.rows[0].device.previous = None;
        view.key(Key::Character('r'));
        assert_eq!(view.dialogue, Dialogue::None);
        assert!(view.message.contains("nothing to go back"), "{}", view.message);
    }

    #[test]
    fn what_is_on_probation_is_made_final_or_undone() {
        let mut view = view();
        for (letter, message) in [('c', "no update is on probation"), ('d', "nothing is staged")] {
            view.key(Key::Character(letter));
            assert_eq!(view.dialogue, Dialogue::None);
            assert!(view.message.contains(message), "{}", view.message);
        }
        let device = "disk0".to_owned();
        let mut ordered = |change: fn(&mut Row), letter, asked: &str| {
            change(&mut view.rows[0]);
            view.key(Key::Character(letter));
            let Dialogue::Confirm(_, question) = &view.dialogue else {
                panic!("{:?}", view.dialogue)
            };
            assert_eq!(question, asked);
            view.key(Key::Character('y'))
        };
        let probation: fn(&mut Row) = |row| row.device.condition = Condition::Probation;
        assert_eq!(
            ordered(probation, 'c', "Make virtio-blk 0.12.0 final on disk0?"),
            Some(Order::Commit {
                device: device.clone()
            })
        );
        let discard = Some(Order::Discard { device });
        assert_eq!(
            ordered(probation, 'd', "Undo the update of disk0 to virtio-blk 0.12.0?"),
            discard
        );
        assert_eq!(
            ordered(
                |row| row.device.staged = row.device.previous.clone(),
                'd',
                "Give up virtio-blk 0.8.0, staged for disk0?"
            ),
            discard
        );
    }

    #[test]
    fn keys_on_an_empty_machine_do_no_harm() {
        let mut view = View::default();
        for key in ['u', 'r', 'c', 'd', 'y', 'x'] {
            assert_eq!(view.key(Key::Character(key)), None);
        }
        for key in [Key::Up, Key::Down, Key::Enter] {
            assert_eq!(view.key(key), None);
        }
        assert_eq!(view.key(Key::Character('q')), Some(Order::Quit));
        view.dialogue = Dialogue::Confirm(Order::Quit, String::new());
        assert_eq!(view.key(Key::Interrupt), Some(Order::Quit));
    }
}
