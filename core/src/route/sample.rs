//! `sample=10%`: a share of all invocations, the same ones wherever it is asked.

use std::fmt;

/// A share, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

const MILLION: u32 = 1_000_000;

/// Digits after the point of a percentage: a ten-thousandth of a percent is a millionth.
const DECIMALS: usize = 4;

impl Share {
    /// Reads `10%` or `0.25%`: above 0 and at most 100, with up to four decimals.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = text.strip_suffix('%')?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(decimals) || whole.len() > 3 || decimals.len() > DECIMALS {
            return None;
        }
        let millionths: u32 = format!("{whole}{decimals:0<DECIMALS$}").parse().ok()?;
        (1..=MILLION).contains(&millionths).then_some(Self(millionths))
    }

    /// True if the invocation with this hash is in.
    pub(super) fn includes(self, hash: u64) -> bool {
        // The hash as a fraction of all hashes, in millionths.
        let millionths = (u128::from(hash) * u128::from(MILLION)) >> 64;
        millionths < u128::from(self.0)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, decimals) = (self.0 / 10_000, self.0 % 10_000);
        if decimals == 0 {
            return write!(f, "{whole}%");
        }
        let decimals = format!("{decimals:0DECIMALS$}");
        write!(f, "{whole}.{}%", decimals.trim_end_matches('0'))
    }
}

/// Spreads request ids evenly: FNV-1a, then the finalizer of MurmurHash3, since FNV leaves the high bits of short texts
/// poor. It is part of nothing that is stored, but the same in every environment and version, so that all
/// functions that log of one request id agree.
pub(super) fn hash(request_id: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in request_id.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_percentages_with_up_to_four_decimals() {
        for (text, shown) in [
            ("10%", "10%"),
            ("100%", "100%"),
            ("0.25%", "0.25%"),
            ("0.0001%", "0.0001%"),
            ("05.50%", "5.5%"),
        ] {
            assert_eq!(Share::parse(text).unwrap().to_string(), shown);
        }
        for wrong in [
            "10", "%", "0%", "0.0%", "101%", "100.1%", "-1%", "1e1%", ".5%", "5.%", "0.00001%", "9999%", "10 %",
        ] {
            assert_eq!(Share::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_sample_is_as_large_as_it_says_and_a_larger_one_contains_a_smaller_one() {
        for (percent, share) in [1, 10, 50, 99].map(|percent| (percent, Share::parse(&format!("{percent}%")).unwrap()))
        {
            let hashes = (0..100_000).map(|number| hash(&format!("\"{number:08x}-5b7a-4c53-9a41-3f9d2b6c8e10\"")));
            let included = hashes.filter(|&hash| share.includes(hash)).count();
            assert!(included.abs_diff(percent * 1_000) < 500, "{percent} %: {included}");
        }
        let (small, large) = (Share::parse("10%").unwrap(), Share::parse("20%").unwrap());
        let in_small = (0..1_000)
            .map(|id| hash(&id.to_string()))
            .filter(|&id| small.includes(id));
        assert!(in_small.into_iter().all(|id| large.includes(id)));
        assert!(Share::parse("100%").unwrap().includes(u64::MAX));
        assert!(Share::parse("0.0001%").unwrap().includes(0));
    }
}
