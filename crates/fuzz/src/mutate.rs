//! Random changes to known inputs.

use fastrand::Rng;

/// No input grows longer.
const BYTES_MAX: usize = 16 * 1024;
/// So many changes are made to one input at the most.
const CHANGES_MAX: usize = 6;

/// Makes inputs from a corpus: each is one of its entries, changed in a few places.
#[derive(Debug)]
pub struct Mutator<'c> {
    chance: Rng,
    corpus: &'c [Vec<u8>],
    words: &'c [&'c str],
}

impl<'c> Mutator<'c> {
    /// The same seed, corpus and words make the same inputs.
    ///
    /// # Panics
    /// When the corpus is empty.
    pub fn new(seed: u64, corpus: &'c [Vec<u8>], words: &'c [&'c str]) -> Self {
        assert!(!corpus.is_empty(), "there is something to change");
        Self { chance: Rng::with_seed(seed), corpus, words }
    }

    /// The next input.
    pub fn input(&mut self) -> Vec<u8> {
        let mut input = self.entry().clone();
        for _ in 0..self.chance.usize(1..=CHANGES_MAX) {
            self.change(&mut input);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn entry(&mut self) -> &'c Vec<u8> {
        self.chance.choice(self.corpus).expect("it is not empty")
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        match self.chance.u8(0..8) {
            0 => self.on_a_byte(input, |chance, byte| byte ^ (1 << chance.u8(0..8))),
            1 => self.on_a_byte(input, |chance, _| chance.u8(..)),
            2 => {
                let piece = self.piece(input.len());
                input.drain(piece);
            }
            3 => {
                let piece = self.piece(input.len());
                let copied = input[piece].to_vec();
                self.insert(input, &copied);
            }
            4 => {
                let other = self.entry();
                let piece = self.piece(other.len());
                self.insert(input, &other[piece]);
            }
            5 => {
                // A number or a text much larger than was meant.
                let byte = *self.chance.choice(b"09aZ{[\xff").expect("it is not empty");
                let many = vec![byte; self.chance.usize(1..300)];
                self.insert(input, &many);
            }
            _ => {
                if let Some(word) = self.chance.choice(self.words) {
                    self.insert(input, word.as_bytes());
                }
            }
        }
    }

    fn on_a_byte(&mut self, input: &mut [u8], new: impl FnOnce(&mut Rng, u8) -> u8) {
        if !input.is_empty() {
            let at = self.chance.usize(..input.len());
            input[at] = new(&mut self.chance, input[at]);
        }
    }

    fn piece(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.chance.usize(..=len);
        start..self.chance.usize(start..=len)
    }

    /// In between, or in the place of what stands there.
    fn insert(&mut self, input: &mut Vec<u8>, what: &[u8]) {
        let start = self.chance.usize(..=input.len());
        let end = if self.chance.bool() { (start + what.len()).min(input.len()) } else { start };
        input.splice(start..end, what.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_inputs_again_and_they_differ_from_each_other() {
        let corpus = [b"{\"a\":1}".to_vec(), Vec::new()];
        let made = |seed| {
            let mut mutator = Mutator::new(seed, &corpus, &["null"]);
            (0..200).map(|_| mutator.input()).collect::<Vec<_>>()
        };
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
        let different: std::collections::BTreeSet<_> = made(7).into_iter().collect();
        assert!(different.len() > 100, "{}", different.len());
    }

    #[test]
    fn inputs_are_bounded() {
        let corpus = [vec![b'x'; BYTES_MAX]];
        let mut mutator = Mutator::new(1, &corpus, &[]);
        assert!((0..500).all(|_| mutator.input().len() <= BYTES_MAX));
    }
}
