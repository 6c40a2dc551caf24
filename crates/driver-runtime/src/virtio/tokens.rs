//! What is under way in a queue, by the token that a release gave it.

/// At most `N` values by token. A release may number its tokens as it likes; those below `N` are found at once.
#[derive(Debug)]
pub(super) struct Tokens<T, const N: usize> {
    places: [Option<(u16, T)>; N],
    used: usize,
}

impl<T: Copy, const N: usize> Tokens<T, N> {
    pub fn new() -> Self {
        Self {
            places: [None; N],
            used: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub fn is_full(&self) -> bool {
        self.used == N
    }

    /// Not to be called when full: the value would be forgotten.
    #[inline]
    pub fn put(&mut self, token: u16, value: T) {
        let hint = usize::from(token) % N;
        let place = if self.places[hint].is_none() {
            Some(hint)
        } else {
            self.search(None)
        };
        if let Some(place) = place {
            self.places[place] = Some((token, value));
            self.used += 1;
        }
    }

    /// The token and its value, which is under way no more. `None`: nobody has this token.
    #[inline]
    pub fn take(&mut self, token: u16) -> Option<(u16, T)> {
        let hint = usize::from(token) % N;
        let place = match self.places[hint] {
            Some((other, _)) if other == token => hint,
            _ => self.search(Some(token))?,
        };
        self.used -= 1;
        self.places[place].take()
    }

    /// Where this token is, or where none is.
    #[cold]
    #[inline(never)] // With it the compiler looks at every place before it decides which it wants.
    fn search(&self, token: Option<u16>) -> Option<usize> {
        self.places
            .iter()
            .position(|place| place.map(|(token, _)| token) == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn value_is_found_by_its_token_once(tokens in proptest::collection::hash_set(any::<u16>(), 0..=8)) {
            let mut table = Tokens::<u32, 8>::new();
            for token in &tokens {
                table.put(*token, u32::from(*token) + 1);
            }
            prop_assert_eq!(table.is_full(), tokens.len() == 8);
            for token in &tokens {
                prop_assert_eq!(table.take(*token), Some((*token, u32::from(*token) + 1)));
                prop_assert_eq!(table.take(*token), None);
            }
            prop_assert!(table.is_empty());
        }
    }
}
