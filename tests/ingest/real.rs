//! The page that this project started from: a crawler's text of a real news page. The text is not
//! ours, so none of it is quoted here. Expected values are read from the lines of the file.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use khabar_domain::Slug;
use khabar_ingest::page::{self, Imported};
use khabar_tests::harness::process::run_test;
use khabar_tests::harness::{TestApp, shared};
use serde_json::{Value, json};

use super::{Kinds, apps, feed, import};

const FILE: &str = "data/pages/rt-arabic-libya.txt";

/// A query for every block of the page.
const PAGE: &str = "query ($slug: Slug!) {
  home {
    edition { slug direction labels { live follow sections stories comments } }
    liveChannels { name streamUrl onAir }
    followChannels { name }
    featuredSections { name }
    pinnedStories {
      nodes { title kind pinnedPosition reportedArticleCount articleCount image { kind alt url } }
    }
    latest { nodes { headline } }
  }
  article(slug: $slug) {
    headline lead isStub hasPhotos hasVideo hasAudio publishedAt
    hero { kind alt caption url }
    body { __typename ... on ParagraphBlock { text html } }
    bodyText
    source { name }
    commentCount comments { totalCount nodes { text } }
    related {
      totalCount
      edges { rank reason node { headline isStub hasPhotos hasVideo hasAudio } }
    }
  }
}";

/// The content of the file, by position of the lines: four headings, a count, an indented rail of
/// stories, and then, without indentation, the article and seven headlines.
struct PageContent<'a> {
    headings: &'a [&'a str],
    reported: i64,
    rail: Vec<&'a str>,
    headline: &'a str,
    lead: &'a str,
    text: &'a [&'a str],
    source: &'a str,
    comments: &'a str,
    others: &'a [&'a str],
}

impl<'a> PageContent<'a> {
    fn of(lines: &'a [&'a str]) -> anyhow::Result<Self> {
        let (headings, rest) = lines.split_at_checked(4).context("no headings")?;
        let (count, rest) = rest.split_first().context("no count")?;
        let (digits, _) = count.split_once(' ').context("no count")?;
        let rail = rest.iter().take_while(|line| line.starts_with(' ')).count();
        let (stories, rest) = rest.split_at(rail);
        let (article, others) = rest.split_at(rest.len() - 7);
        let [headline, lead, picture, text @ .., source, comments] = article else {
            anyhow::bail!("no article");
        };
        ensure!(picture == headline, "the picture is called otherwise");
        let (_, source) = source.split_once(": ").context("no source")?;
        let mut rail: Vec<&str> = Vec::new();
        for line in stories {
            if let Some(title) = line.trim_start().strip_prefix("• ")
                && !rail.contains(&title)
            {
                rail.push(title);
            }
        }
        Ok(Self {
            headings,
            reported: digits.parse()?,
            rail,
            headline,
            lead,
            text,
            source,
            comments,
            others,
        })
    }

    /// Returns the expected data of the API response.
    fn expected(&self) -> Value {
        let [live, follow, sections, stories] = self.headings else {
            return Value::Null;
        };
        let kinds = ["RUNNING", "SHOW", "RUNNING", "RUNNING", "RUNNING", "RUBRIC"];
        let reported = std::iter::once(Some(self.reported)).chain(std::iter::repeat(None));
        let rail = (0..).zip(&self.rail).zip(kinds).zip(reported);
        let rail: Vec<_> = rail
            .map(|(((place, title), kind), reported)| {
                json!({"title": title, "kind": kind, "pinnedPosition": place,
                       "reportedArticleCount": reported, "articleCount": 0,
                       "image": {"kind": "IMAGE", "alt": title, "url": null}})
            })
            .collect();
        let others: Vec<_> = self.others.iter().map(|line| unbadged(line)).collect();
        let edges: Vec<_> = (0..)
            .zip(&others)
            .map(|(rank, (headline, badged))| {
                json!({"rank": rank, "reason": "CHOSEN", "node": {
                    "headline": headline, "isStub": true,
                    "hasPhotos": badged, "hasVideo": badged, "hasAudio": false}})
            })
            .collect();
        let latest = std::iter::once(self.headline).chain(others.iter().map(|(it, _)| *it));
        let latest: Vec<_> = latest.map(|it| json!({"headline": it})).collect();
        let paragraphs = self.text.iter().map(
            |text| json!({"__typename": "ParagraphBlock", "text": text, "html": escaped(text)}),
        );
        json!({
            "home": {
                "edition": {"slug": "ar", "direction": "RTL", "labels": {
                    "live": live, "follow": follow, "sections": sections, "stories": stories,
                    "comments": self.comments}},
                "liveChannels": [{"name": live, "streamUrl": null, "onAir": null}],
                "followChannels": [],
                "featuredSections": [],
                "pinnedStories": {"nodes": rail},
                "latest": {"nodes": latest},
            },
            "article": {
                "headline": self.headline, "lead": self.lead, "isStub": false,
                "hasPhotos": false, "hasVideo": false, "hasAudio": false, "publishedAt": null,
                "hero": {"kind": "IMAGE", "alt": self.headline, "caption": null, "url": null},
                "body": paragraphs.collect::<Vec<_>>(),
                "bodyText": self.text.join("\n\n"),
                "source": {"name": self.source},
                "commentCount": 0,
                "comments": {"totalCount": 0, "nodes": []},
                "related": {"totalCount": 7, "edges": edges},
            },
        })
    }
}

/// Strips a badge such as "(photos + video)" from a headline, and returns whether there was one.
fn unbadged(line: &str) -> (&str, bool) {
    match line
        .strip_suffix(')')
        .and_then(|line| line.rsplit_once(" ("))
    {
        Some((headline, _)) => (headline, true),
        None => (line, false),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}

#[tokio::test]
async fn one_request_returns_every_block_of_the_real_page() -> anyhow::Result<()> {
    let Some(file) = shared(FILE)? else {
        return Ok(());
    };
    let bytes = fs::read(&file)?;
    let text = std::str::from_utf8(&bytes)?;
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let said = PageContent::of(&lines)?;
    assert_eq!(said.reported, 41);
    assert_eq!((said.rail.len(), said.text.len()), (6, 6));
    let badged = said.others.iter().filter(|line| unbadged(line).1);
    assert_eq!(badged.count(), 1);

    let page = page::read(FILE, &bytes)?;
    let kinds = Kinds::new();
    let mut statements = Vec::new();
    for app in apps().await? {
        import(app.db(), &page, &kinds, 24).await?;
        let answered = ask(&app, said.headline).await?;
        assert_eq!(answered.0, said.expected(), "{}", app.db().name());
        statements.push(answered.1);

        let written = feed(app.db()).await?;
        let Imported { added, changed, .. } = import(app.db(), &page, &kinds, 48).await?;
        assert_eq!((added, changed), (0, 0), "{}", app.db().name());
        assert_eq!(feed(app.db()).await?, written);
        assert_eq!(ask(&app, said.headline).await?.0, said.expected());
    }
    assert!(
        statements.windows(2).all(|both| both[0] == both[1]),
        "{statements:#?}"
    );
    Ok(())
}

/// Queries the page. Returns the data of the response and the distinct SQL statements, sorted.
async fn ask(app: &TestApp, headline: &str) -> anyhow::Result<(Value, Vec<&'static str>)> {
    let slug = Slug::from_text(headline)?;
    let answered = app.ask_with(PAGE, &json!({"slug": slug.as_str()})).await?;
    let mut value = answered.value()?;
    ensure!(value["errors"].is_null(), "{}", value["errors"]);
    let mut statements = answered.statements;
    let sent = statements.len();
    // Statements of one level run concurrently, so their order is arbitrary. The pictures of the
    // stories and of the article are two edges of one level, and may or may not share a statement.
    statements.sort_unstable();
    statements.dedup();
    ensure!(
        sent - statements.len() <= 1,
        "{sent} were sent: {statements:?}"
    );
    Ok((value["data"].take(), statements))
}

#[test]
fn without_the_real_page_the_test_is_skipped_or_fails() -> anyhow::Result<()> {
    let nowhere = tempfile::tempdir()?;
    let run = |required: &str| {
        run_test("real::one_request_returns_every_block_of_the_real_page")?
            .env("KHABAR_SHARED", nowhere.path())
            .env("KHABAR_REQUIRE_ALL", required)
            .output()
            .context("could not run this program again")
    };
    let missing = format!(
        "{} is missing",
        nowhere.path().join(Path::new(FILE)).display()
    );
    let skipped = run("0")?;
    assert!(skipped.status.success());
    let said = String::from_utf8(skipped.stderr)?;
    assert!(said.contains(&format!("skipped: {missing}\n")), "{said}");

    let failed = run("1")?;
    assert!(!failed.status.success());
    let said = String::from_utf8(failed.stdout)?;
    assert!(said.contains(&missing), "{said}");
    Ok(())
}
