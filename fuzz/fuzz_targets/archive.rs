//! Any bytes as an archive: unpacked inside one folder, or refused and nothing left.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use lists::archive::{Limits, decompress, unpack};

const BLOCK: usize = 512;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // As if every block were a header with the right checksum, which few mutations get right.
    let mut sealed = bytes.to_vec();
    sealed.chunks_exact_mut(BLOCK).for_each(seal);
    check(&sealed);
});

fn seal(block: &mut [u8]) {
    if block.iter().all(|&octet| octet == 0) {
        return;
    }
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&octet| u32::from(octet)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

fn check(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (archive, into) = (folder.path().join("archive"), folder.path().join("into"));
    fs::write(&archive, bytes).expect("a file");
    let limits = Limits { entries: 100, octets: 1 << 20, ..Limits::default() };
    if let Ok(mut decoder) = decompress(&archive, &limits) {
        let _ = std::io::copy(&mut decoder, &mut std::io::sink());
        assert!(decoder.octets() <= limits.octets + (1 << 20));
    }
    match unpack(&archive, &into, &limits) {
        Ok(unpacked) => {
            let root = fs::canonicalize(&into).expect("it was unpacked");
            for (link, target) in unpacked.aliases {
                let led = fs::canonicalize(root.join(link)).expect("a link leads somewhere");
                assert_eq!(led, fs::canonicalize(root.join(target)).expect("it is there"));
            }
            assert!(unpacked.octets <= limits.octets);
        }
        Err(_) => assert!(!into.exists(), "what is refused is removed"),
    }
    assert_eq!(fs::read(&archive).expect("it is there still"), bytes);
    let beside = fs::read_dir(&folder).expect("it is there still").count();
    assert_eq!(beside, 1 + usize::from(into.exists()));
}
