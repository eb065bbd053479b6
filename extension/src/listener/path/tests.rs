use std::os::unix::fs::PermissionsExt;

use super::*;

/// A folder for one test, without anything in it.
fn dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("forwarder-path-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    dir
}

fn secret(paths: &Paths) -> String {
    format!("/{}", paths.fresh().unwrap())
}

const WITH_PATH: Subscription = Subscription::Active { path: true };

#[test]
fn each_start_has_a_path_of_its_own_and_takes_no_other() {
    let dir = dir("fresh");
    let (paths, other) = (Paths::new(&dir), Paths::new(&dir));
    assert!(is_secret(paths.fresh().unwrap()));
    assert_ne!(paths.fresh(), other.fresh());
    paths.subscribed(WITH_PATH);
    let own = secret(&paths);
    assert!(paths.take(&own));
    for forged in [
        "/",
        "",
        "/x",
        "/latest/meta-data",
        &own[..own.len() - 1],
        &format!("{own}/"),
    ] {
        assert!(!paths.take(forged), "{forged}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn after_a_reset_the_path_of_the_process_before_is_known() {
    let dir = dir("kept");
    let before = Paths::new(&dir);
    before.subscribed(WITH_PATH);
    let file = dir.join(FILE);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let after = Paths::new(&dir);
    assert!(after.take(&secret(&before)), "also before the subscription is answered");
    assert!(!after.take("/x"));
    after.subscribed(Subscription::Again);
    assert!(after.take(&secret(&before)) && !after.take("/x"));
    // A third process finds what the subscription was made with, not what the second one proposed.
    let third = Paths::new(&dir);
    third.subscribed(Subscription::Again);
    assert!(third.take(&secret(&before)));
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_file_that_others_could_have_made_is_not_believed() {
    let dir = dir("foreign");
    let before = Paths::new(&dir);
    before.subscribed(WITH_PATH);
    let file = dir.join(FILE);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(Paths::new(&dir).is_open());
    for content in ["", "short", &"x".repeat(DIGITS), &"a".repeat(DIGITS + 1)] {
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, content).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(Paths::new(&dir).is_open(), "{content}");
    }
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn where_the_path_is_unknown_any_is_taken_until_lambda_shows_it() {
    let dir = dir("unknown");
    let paths = Paths::new(&dir);
    paths.subscribed(Subscription::Again);
    let before = format!("/{}", "5".repeat(DIGITS));
    assert!(paths.take("/x") && paths.take(&before) && paths.is_open());
    paths.shown(&before);
    assert!(paths.take(&before) && !paths.take("/x") && !paths.is_open());
    paths.shown("/x");
    assert!(paths.take(&before), "shown once");
    let after = Paths::new(&dir);
    assert!(
        after.take(&before) && !after.take("/x"),
        "and kept for the next process"
    );
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn without_a_path_the_plain_address_alone_is_taken() {
    let paths = Paths::new(&dir("plain"));
    paths.subscribed(Subscription::Active { path: false });
    assert!(paths.take("/") && !paths.take("/x") && !paths.take(&secret(&paths)));
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_drops_the_path_is_found_out_and_a_forger_is_not_taken_for_it() {
    let dir = dir("dropped");
    let paths = Paths::new(&dir);
    paths.subscribed(WITH_PATH);
    assert!(!paths.take("/"), "Lambda has had no time yet");
    paths.wait_for_first(Duration::ZERO).await;
    assert!(!paths.take("/x"));
    assert!(paths.take("/") && paths.is_open());

    let paths = Paths::new(&dir);
    paths.subscribed(WITH_PATH);
    assert!(paths.take(&secret(&paths)));
    paths.wait_for_first(Duration::ZERO).await;
    assert!(!paths.take("/"), "Lambda knows the path");
    std::fs::remove_dir_all(dir).unwrap();
}
