//! Files of unknown content: regular files only, read up to a bound, never waited for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Reads a regular file of at most `most` bytes. A pipe is not waited for, a device is not read.
///
/// # Errors
/// It cannot be opened, is no regular file, or is longer.
pub fn read_regular(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    read(open(path, 0)?, most)
}

/// As [`read_regular`], of a file that only this user can have made: no symbolic link, not open to others.
///
/// # Errors
/// As above, or the file may be somebody else's.
pub fn read_private(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::MetadataExt;
    let file = open(path, libc::O_NOFOLLOW)?;
    let metadata = file.metadata()?;
    let own = std::fs::metadata("/proc/self")?.uid();
    if metadata.uid() != own || metadata.mode() & 0o077 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file belongs to somebody else or is open to others",
        ));
    }
    read(file, most)
}

/// Opening a pipe for reading waits for a writer, but for this flag.
fn open(path: &Path, flags: i32) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC | flags)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no regular file"));
    }
    Ok(file)
}

/// The size that a file tells is not trusted: in `/proc` it is 0, and a file may grow while it is read.
fn read(file: File, most: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut text)?;
    if text.len() > most {
        let error = format!("the file is longer than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::process::Command;

    use super::*;

    #[test]
    fn only_regular_files_within_the_bound_are_read_and_nothing_is_waited_for() {
        let dir = std::env::temp_dir().join(format!("forwarder-files-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir(&dir).unwrap();
        let (file, pipe, link) = (dir.join("file"), dir.join("pipe"), dir.join("link"));
        std::fs::write(&file, "12345").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        symlink(&file, &link).unwrap();
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());

        assert_eq!(read_regular(&file, 5).unwrap(), b"12345");
        assert_eq!(read_regular(&link, 5).unwrap(), b"12345");
        assert_eq!(read_regular(&file, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for odd in [pipe.as_path(), Path::new("/dev/zero"), &dir] {
            assert!(read_regular(odd, 5).is_err(), "{}", odd.display());
        }
        assert!(
            !read_regular(Path::new("/proc/self/status"), 1 << 20)
                .unwrap()
                .is_empty()
        );

        assert_eq!(read_private(&file, 5).unwrap(), b"12345");
        assert!(read_private(&link, 5).is_err());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(read_private(&file, 5).is_err());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
