//! Detects the platform of a follow link from its name or URL.

use khabar_domain::WebUrl;
use khabar_domain::follow_channel::Platform;

use crate::page::title::key;

/// Words that identify a platform anywhere in a link's name. Names such as "X" are too short for that:
/// [`named`] compares them with the whole name.
const NAMES: [(Platform, &[&str]); 8] = [
    (Platform::Facebook, &["facebook", "فيسبوك", "فيس بوك"]),
    (
        Platform::Instagram,
        &["instagram", "إنستغرام", "انستغرام", "إنستجرام", "انستجرام"],
    ),
    (
        Platform::Telegram,
        &[
            "telegram",
            "تلغرام",
            "تليغرام",
            "تيليغرام",
            "تلجرام",
            "تيليجرام",
        ],
    ),
    (Platform::Tiktok, &["tiktok", "تيك توك"]),
    (Platform::Whatsapp, &["whatsapp", "واتساب", "واتس آب"]),
    (Platform::X, &["twitter", "تويتر"]),
    (Platform::Youtube, &["youtube", "يوتيوب"]),
    (
        Platform::Newsletter,
        &["newsletter", "نشرتنا", "نشرة", "النشرة"],
    ),
];

const HOSTS: [(Platform, &[&str]); 7] = [
    (Platform::Facebook, &["facebook.com", "fb.com"]),
    (Platform::Instagram, &["instagram.com"]),
    (Platform::Telegram, &["t.me", "telegram.me", "telegram.org"]),
    (Platform::Tiktok, &["tiktok.com"]),
    (Platform::Whatsapp, &["whatsapp.com", "wa.me"]),
    (Platform::X, &["x.com", "twitter.com"]),
    (Platform::Youtube, &["youtube.com", "youtu.be"]),
];

/// Returns the platform that a link's name refers to, or [`Platform::Other`].
pub(super) fn named(name: &str) -> Platform {
    let name = key(name);
    match name.as_str() {
        "x" | "إكس" | "اكس" | "منصة إكس" => return Platform::X,
        "rss" | "آر إس إس" => return Platform::Rss,
        _ => {}
    }
    let found = NAMES
        .iter()
        .find(|(_, words)| words.iter().any(|word| name.contains(word)));
    found.map_or(Platform::Other, |(platform, _)| *platform)
}

/// Returns the platform that a URL belongs to, or [`Platform::Other`]. Subdomains are included.
pub(super) fn at(url: &WebUrl) -> Platform {
    let host = url.as_str().split("://").nth(1).unwrap_or_default();
    let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let under = |domain: &&str| {
        host.strip_suffix(*domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let found = HOSTS.iter().find(|(_, domains)| domains.iter().any(under));
    found.map_or(Platform::Other, |(platform, _)| *platform)
}
