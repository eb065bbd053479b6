//! Which of many numbered lines a reader finds: [`function_lines`](crate::post::function_lines) begins each with its number.

use crate::world::Found;

/// Number of times that each number was found.
#[derive(Debug)]
pub struct Numbers(Vec<u32>);

impl Numbers {
    /// Counts the numbers below `count`.
    ///
    /// # Panics
    /// A line has another number, or none.
    pub fn of(found: &Found, count: usize) -> Self {
        let mut seen = vec![0; count];
        for line in found.of_type("function") {
            let text = line
                .get("record")
                .and_then(|record| record.as_str())
                .unwrap_or_default();
            let number: usize = text
                .get(..10)
                .and_then(|digits| digits.parse().ok())
                .expect("a numbered line");
            *seen.get_mut(number).expect("a number that was posted") += 1;
        }
        Self(seen)
    }

    /// The numbers that are missing.
    pub fn missing(&self) -> Vec<usize> {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, times)| **times == 0)
            .map(|(number, _)| number)
            .collect()
    }

    /// Number of lines that came more than once.
    pub fn repeats(&self) -> usize {
        self.0.iter().map(|times| times.saturating_sub(1) as usize).sum()
    }

    /// Nothing is missing.
    ///
    /// # Panics
    /// Something is.
    pub fn assert_complete(&self) {
        let missing = self.missing();
        assert!(
            missing.is_empty(),
            "{} of {} are missing, among them {:?}",
            missing.len(),
            self.0.len(),
            missing.first()
        );
    }
}
