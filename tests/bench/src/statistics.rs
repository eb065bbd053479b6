//! Medians: on a machine that does other things, too, a mean says more about those.

/// The middle value; the lower of two. `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    quantile(values, 0.5)
}

/// The smallest value that at least this share of all values do not exceed. `None` of nothing.
pub fn quantile(values: impl IntoIterator<Item = f64>, share: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share).ceil() as usize;
    values.get(place.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_one() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.0));
        assert_eq!(median([]), None);
    }

    #[test]
    fn nine_of_ten_do_not_exceed_it() {
        assert_eq!(quantile((1..=10).map(f64::from), 0.9), Some(9.0));
        assert_eq!(quantile([5.0], 0.9), Some(5.0));
    }
}
