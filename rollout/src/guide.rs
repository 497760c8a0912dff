//! What comes with the files: how to put each in its place, and what nobody has tried.

use crate::{Audience, Files};

/// Adds the guides, French and English.
pub(crate) fn files(audiences: &[Audience], files: &mut Files) {
    let names: Vec<_> = audiences.iter().map(|audience| format!("`{}`", audience.name)).collect();
    let names = names.join(", ");
    let has_authority = audiences.iter().any(|audience| audience.authority.is_some());
    let guides = [
        ("LISEZMOI.md", include_str!("guide/fr.md"), include_str!("guide/fr-authority.md")),
        ("README.md", include_str!("guide/en.md"), include_str!("guide/en-authority.md")),
    ];
    for (path, guide, authority) in guides {
        let authority = if has_authority { authority } else { "" };
        let text = guide.replace("AUDIENCES", &names).replace("AUTHORITY\n", authority);
        files.insert(path.to_owned(), text.into_bytes());
    }
}
