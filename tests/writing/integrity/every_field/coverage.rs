//! The types and fields that are compared, and those that are not, each with the reason.

/// Types with the start of a query that leads to their fields.
pub(super) const TYPES: [(&str, &str); 33] = [
    ("Article", "articles(first: 30) { nodes {"),
    (
        "ArticleCommenting",
        "articles(first: 30) { nodes { id commenting {",
    ),
    ("ArticleConnection", "articles(first: 30) {"),
    ("ArticleEdge", "articles(first: 30) { edges {"),
    (
        "Comment",
        "articles(first: 30) { nodes { comments(first: 5) { nodes {",
    ),
    (
        "CommentConnection",
        "articles(first: 30) { nodes { comments(first: 5) {",
    ),
    (
        "CommentEdge",
        "articles(first: 30) { nodes { comments(first: 5) { edges {",
    ),
    (
        "Correction",
        "articles(first: 30) { nodes { id corrections {",
    ),
    ("Edition", "editions {"),
    ("EditionCommenting", "editions { id commenting {"),
    ("EditionLabels", "editions { id labels {"),
    (
        "FocalPoint",
        "articles(first: 30) { nodes { hero { id focalPoint {",
    ),
    ("FollowChannel", "followChannels {"),
    (
        "HeadingBlock",
        "articles(first: 30) { nodes { id body { ... on HeadingBlock {",
    ),
    ("Home", "home {"),
    (
        "ListBlock",
        "articles(first: 30) { nodes { id body { ... on ListBlock {",
    ),
    ("LiveChannel", "liveChannels {"),
    ("Media", "articles(first: 30) { nodes { hero {"),
    (
        "PageInfo",
        "articles(first: 1, edition: \"own-0\") { pageInfo {",
    ),
    (
        "ParagraphBlock",
        "articles(first: 30) { nodes { id body { ... on ParagraphBlock {",
    ),
    ("Person", "articles(first: 30) { nodes { authors {"),
    (
        "QuotationBlock",
        "articles(first: 30) { nodes { id body { ... on QuotationBlock {",
    ),
    (
        "RelatedArticleConnection",
        "articles(first: 30) { nodes { id related(first: 5) {",
    ),
    (
        "RelatedArticleEdge",
        "articles(first: 30) { nodes { id related(first: 5) { edges {",
    ),
    (
        "Rendition",
        "articles(first: 30) { nodes { hero { id renditions {",
    ),
    ("Section", "sections {"),
    ("Source", "articles(first: 30) { nodes { source {"),
    ("Story", "stories(first: 30) { nodes {"),
    ("StoryConnection", "stories(first: 30) {"),
    (
        "StoryDay",
        "stories(first: 30) { nodes { id timeline(first: 5) { days {",
    ),
    ("StoryEdge", "stories(first: 30) { edges {"),
    (
        "StoryTimeline",
        "stories(first: 30) { nodes { id timeline(first: 5) {",
    ),
    ("Topic", "articles(first: 30) { nodes { topics {"),
];

/// Other paths to some fields: a name, the start of the query, and the fields.
pub(super) const WAYS: [(&str, &str, &[&str]); 2] = [
    (
        "Article by slug",
        "article(slug: \"كل-حقل\") {",
        &[
            "status",
            "headline",
            "lead",
            "updatedAt",
            "version",
            "bodyText",
            "withdrawal { reason }",
            "section { name }",
            "hero { caption }",
            "formerSlugs",
        ],
    ),
    (
        "Media in a body",
        "article(slug: \"كل-حقل\") { body { ... on ImageBlock { image {",
        &["caption", "alt", "credit", "url"],
    ),
];

/// Types that no reader's query reaches, or that have no fields to check here. Each has a reason.
pub(super) const TESTED_ELSEWHERE: [(&str, &str); 17] = [
    ("ArticleDiff", "the desk's"),
    ("AuditEntry", "the auditors'"),
    ("AuditEntryConnection", "the auditors'"),
    ("AuditEntryEdge", "the auditors'"),
    ("BlockDiff", "the desk's"),
    (
        "CommentAuthor",
        "recorded with its comment, which is covered",
    ),
    (
        "BrokenRow",
        "reported by the process that met it, and never cached",
    ),
    (
        "EmbedBlock",
        "part of a body, which is read and cached as one",
    ),
    (
        "GalleryBlock",
        "part of a body, which is read and cached as one",
    ),
    ("ImageBlock", "its picture is covered as `Media in a body`"),
    ("Revision", "the desk's"),
    ("RevisionConnection", "the desk's"),
    ("RevisionEdge", "the desk's"),
    (
        "TableBlock",
        "part of a body, which is read and cached as one",
    ),
    (
        "VideoBlock",
        "part of a body, which is read and cached as one",
    ),
    ("Viewer", "of whoever asks, and of no write"),
    (
        "Withdrawal",
        "the stone over an article: `withdrawal.rs` reads it before and after",
    ),
];

/// Fields that no mutation changes, each with the reason.
pub(super) const STEADY: [(&str, &str); 47] = [
    (
        "ArticleConnection.totalCountIsExact",
        "no list here is longer than counts are exact for",
    ),
    (
        "CommentConnection.totalCountIsExact",
        "no list here is longer than counts are exact for",
    ),
    (
        "RelatedArticleConnection.totalCountIsExact",
        "no list here is longer than counts are exact for",
    ),
    (
        "StoryConnection.totalCountIsExact",
        "no list here is longer than counts are exact for",
    ),
    (
        "StoryTimeline.totalCountIsExact",
        "no list here is longer than counts are exact for",
    ),
    ("Comment.author", "no input has it once it is posted"),
    ("Article.edition", "no input has it"),
    (
        "Article.firstPublishedAt",
        "it is written once, when the article goes out and comes into the lists",
    ),
    ("Article.id", "no input has it"),
    (
        "Article.listedAt",
        "it is written once, when the article goes out and comes into the lists",
    ),
    (
        "Article.publishedAt",
        "it is written once, when the article goes out and comes into the lists",
    ),
    (
        "Article.status",
        "of what is listed it stays; it changes by slug",
    ),
    (
        "Article.withdrawal",
        "of what is listed it stays; it changes by slug",
    ),
    (
        "ArticleConnection.pageInfo",
        "its last is the oldest, which stays",
    ),
    ("Comment.article", "no input has it"),
    ("Comment.authorName", "no input has it"),
    ("Comment.id", "no input has it"),
    ("Comment.parent", "no input has it"),
    ("Comment.postedAt", "no input has it"),
    ("Comment.status", "readers see approved ones alone"),
    ("Correction.at", "no input has it"),
    ("Correction.note", "no input has it"),
    ("Correction.version", "no input has it"),
    ("Edition.direction", "no input has it"),
    ("Edition.id", "no input has it"),
    ("Edition.language", "no input has it"),
    ("Edition.slug", "no input has it"),
    ("FollowChannel.id", "no input has it"),
    (
        "Home.edition",
        "which it is; what it shows is under its own type",
    ),
    ("LiveChannel.id", "no input has it"),
    ("Media.id", "no input has it"),
    ("Media.kind", "no input has it"),
    ("PageInfo.hasNextPage", "it holds all that there is"),
    ("PageInfo.hasPreviousPage", "it is the first page"),
    ("Person.edition", "no input has it"),
    ("Person.id", "no input has it"),
    ("Section.edition", "no input has it"),
    ("Section.id", "no input has it"),
    ("Source.edition", "no input has it"),
    ("Source.id", "no input has it"),
    ("Story.edition", "no input has it"),
    ("Story.id", "no input has it"),
    ("Story.reportedArticleCount", "imports write it"),
    (
        "StoryConnection.pageInfo",
        "its last is the one without articles, which stays",
    ),
    ("StoryDay.date", "all that is written here is of one day"),
    ("Topic.edition", "no input has it"),
    ("Topic.id", "no input has it"),
];

/// Returns the field to select for a type without an ID: the one that changes most often, if known.
pub(super) fn leaf(of: &str) -> &'static str {
    match of {
        "ArticleCommenting" | "EditionCommenting" => "mode",
        "EditionLabels" => "stories",
        "Correction" => "note",
        "FocalPoint" => "x",
        "Rendition" => "url",
        "RichText" => "text",
        "PageInfo" => "endCursor",
        "StoryTimeline" => "totalCount",
        "StoryDay" => "date articles { headline }",
        _ if of.ends_with("Edge") => "cursor",
        _ => "__typename",
    }
}
