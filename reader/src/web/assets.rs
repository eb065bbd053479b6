//! The page's files, in the binary. They have no secrets: whoever may connect may have them.

/// A file.
pub(super) struct Asset {
    pub(super) path: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

macro_rules! asset {
    ($path:literal, $kind:literal) => {
        Asset {
            path: concat!("/", $path),
            kind: $kind,
            text: include_str!(concat!("page/", $path)),
        }
    };
}

/// The page itself.
pub(super) const PAGE: &str = include_str!("page/index.html");

/// What it needs.
pub(super) const ASSETS: [Asset; 11] = [
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
    asset!("app.js", "text/javascript; charset=utf-8"),
    asset!("charts.js", "text/javascript; charset=utf-8"),
    asset!("dom.js", "text/javascript; charset=utf-8"),
    asset!("filters.js", "text/javascript; charset=utf-8"),
    asset!("invocation.js", "text/javascript; charset=utf-8"),
    asset!("proof.js", "text/javascript; charset=utf-8"),
    asset!("tail.js", "text/javascript; charset=utf-8"),
    asset!("vendor/uPlot.iife.min.js", "text/javascript; charset=utf-8"),
    asset!("vendor/uPlot.min.css", "text/css; charset=utf-8"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    /// What npm gives as uplot 1.6.32: a change to it would go unseen in a file of one line.
    #[test]
    fn what_is_vendored_is_what_its_authors_released() {
        for (path, expected) in [
            (
                "/vendor/uPlot.iife.min.js",
                "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
            ),
            (
                "/vendor/uPlot.min.css",
                "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
            ),
        ] {
            let asset = ASSETS.iter().find(|asset| asset.path == path).unwrap();
            let hash: String = Sha256::digest(asset.text)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(hash, expected, "{path}");
        }
    }

    #[test]
    fn the_page_has_nothing_that_its_policy_forbids() {
        let own = ASSETS.iter().filter(|asset| !asset.path.starts_with("/vendor/"));
        for (path, text) in own.map(|asset| (asset.path, asset.text)).chain([("/", PAGE)]) {
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "style=\"",
                "onclick",
                "javascript:",
                "https://",
                "cdn",
            ] {
                assert!(!text.contains(forbidden), "{path}: {forbidden}");
            }
        }
    }

    #[test]
    fn everything_that_the_page_names_is_there() {
        for part in PAGE.split(['"', '\'']).filter(|part| part.starts_with("./")) {
            let path = part.trim_start_matches('.');
            assert!(ASSETS.iter().any(|asset| asset.path == path), "{path}");
        }
    }
}
