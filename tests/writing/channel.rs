//! Tests of writing live channels and follow channels.

use khabar_domain::Role;
use khabar_tests::harness::Who;
use serde_json::{Value, json};

use crate::Fixture;
use crate::invariants::mutation;

/// Returns the names of the default edition's channels, in order.
async fn names(fixture: &Fixture, list: &str) -> anyhow::Result<Vec<String>> {
    let read = format!("{{ home {{ {list} {{ name }} }} }}");
    let home = fixture.ask(&Who::anonymous(), &read, json!({})).await?;
    let channels = home["home"][list].as_array().cloned().unwrap_or_default();
    let name = |channel: &Value| channel["name"].as_str().unwrap_or_default().to_owned();
    Ok(channels.iter().map(name).collect())
}

async fn ids(fixture: &Fixture, list: &str) -> anyhow::Result<Vec<Value>> {
    let read = format!("{{ {list} {{ id }} }}");
    let found = fixture.ask(&Who::anonymous(), &read, json!({})).await?;
    let channels = found[list].as_array().cloned().unwrap_or_default();
    Ok(channels
        .iter()
        .map(|channel| channel["id"].clone())
        .collect())
}

#[tokio::test]
async fn live_channels_are_created_updated_and_deleted() -> anyhow::Result<()> {
    let one = "liveChannel { id name streamUrl onAir position poster { id } }";
    let (create, update) = (
        mutation("createLiveChannel", one),
        mutation("updateLiveChannel", one),
    );
    let delete = mutation("deleteLiveChannel", "deletedId");
    for fixture in Fixture::each().await? {
        let input = json!({"name": "قناة السوق", "streamUrl": "https://live.example/market.m3u8",
            "onAir": true, "position": 1});
        let made = fixture.mutate(&create, input).await?["liveChannel"].take();
        let id = &made["id"];
        assert_eq!(
            made,
            json!({"id": id, "name": "قناة السوق", "onAir": true, "position": 1,
            "streamUrl": "https://live.example/market.m3u8", "poster": null})
        );
        let order = [
            "إذاعة النهر",
            "قناة السوق",
            "تلفزيون السنديان",
            "قناة الملاعب",
        ];
        assert_eq!(names(&fixture, "liveChannels").await?, order);
        fixture.check_invariants().await?;
        let patched = fixture
            .mutate(&update, json!({"id": id, "onAir": false}))
            .await?;
        assert_eq!(patched["liveChannel"]["streamUrl"], made["streamUrl"]);
        assert_eq!(patched["liveChannel"]["onAir"], false);
        let patched = fixture
            .mutate(&update, json!({"id": id, "onAir": null, "streamUrl": null}))
            .await?;
        assert_eq!(
            patched["liveChannel"],
            json!({"id": id, "name": "قناة السوق", "onAir": null,
            "position": 1, "streamUrl": null, "poster": null})
        );
        let gone = fixture.mutate(&delete, json!({"id": id})).await?;
        assert_eq!(gone["deletedId"], *id);
        assert_eq!(
            fixture.user_error_of(&delete, json!({"id": id})).await?,
            "NOT_FOUND id"
        );
        assert_eq!(
            names(&fixture, "liveChannels").await?,
            ["إذاعة النهر", "تلفزيون السنديان", "قناة الملاعب"]
        );
        fixture.check_invariants().await?;
        for (input, user_error_of) in [
            (json!({"name": ""}), "INVALID name"),
            (
                json!({"name": "قناة", "streamUrl": "rtmp://live.example/x"}),
                "INVALID streamUrl",
            ),
            (
                json!({"name": "قناة", "poster": "BgAAAAAAAAAAAAAAAAAAAAc"}),
                "NOT_FOUND poster",
            ),
            (json!({"name": "قناة", "position": -1}), "INVALID position"),
            (
                json!({"name": "قناة", "edition": "xx"}),
                "NOT_FOUND edition",
            ),
        ] {
            assert_eq!(
                fixture.user_error_of(&create, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        assert_eq!(
            fixture.user_error_of(&update, json!({"id": id})).await?,
            "NOT_FOUND id"
        );
    }
    Ok(())
}

#[tokio::test]
async fn follow_channels_are_created_updated_and_deleted() -> anyhow::Result<()> {
    let one = "followChannel { id name platform handle url position }";
    let (create, update) = (
        mutation("createFollowChannel", one),
        mutation("updateFollowChannel", one),
    );
    let delete = mutation("deleteFollowChannel", "deletedId");
    for fixture in Fixture::each().await? {
        let input = json!({"name": "يوتيوب", "platform": "YOUTUBE", "handle": "@sindyan",
            "url": "https://video.example/@sindyan"});
        let made = fixture.mutate(&create, input).await?["followChannel"].take();
        let id = &made["id"];
        assert_eq!(
            made,
            json!({"id": id, "name": "يوتيوب", "platform": "YOUTUBE", "position": 2,
            "handle": "@sindyan", "url": "https://video.example/@sindyan"})
        );
        let input = json!({"id": id, "handle": null, "url": null, "platform": "OTHER"});
        let patched = fixture.mutate(&update, input).await?;
        assert_eq!(
            patched["followChannel"],
            json!({"id": id, "name": "يوتيوب", "platform": "OTHER",
            "handle": null, "url": null, "position": 2})
        );
        for (input, user_error_of) in [
            (json!({"id": id, "handle": "@a\u{202e}"}), "INVALID handle"),
            (json!({"id": id, "url": "data:,x"}), "INVALID url"),
            (json!({"id": id, "name": "\u{7}"}), "INVALID name"),
            (json!({"id": "AgAAAAAAAAAAAAAAAAAAAAc"}), "INVALID id"),
        ] {
            assert_eq!(
                fixture.user_error_of(&update, input.clone()).await?,
                user_error_of,
                "{input}"
            );
        }
        let first = ids(&fixture, "followChannels").await?[0].clone();
        fixture.mutate(&delete, json!({"id": first})).await?;
        assert_eq!(
            names(&fixture, "followChannels").await?,
            ["النشرة المسائية", "يوتيوب"]
        );
        fixture.check_invariants().await?;
    }
    Ok(())
}

#[tokio::test]
async fn reordering_channels_requires_all_of_them_and_the_right() -> anyhow::Result<()> {
    for fixture in Fixture::each().await? {
        let writer = fixture.app.who("نور", Role::Contributor).await?;
        for (list, name) in [
            ("liveChannels", "LiveChannel"),
            ("followChannels", "FollowChannel"),
        ] {
            let arrange = mutation(
                &format!("reorder{name}s"),
                &format!("{list} {{ id position }}"),
            );
            let mut order = ids(&fixture, list).await?;
            order.reverse();
            let seq = fixture.seq().await?;
            let payload = fixture.mutate(&arrange, json!({"channels": order})).await?;
            let placed: Vec<_> = order
                .iter()
                .enumerate()
                .map(|(at, id)| json!({"id": id, "position": at}))
                .collect();
            assert_eq!(payload[list], json!(placed));
            assert_eq!(ids(&fixture, list).await?, order);
            let (_, keys) = fixture.changes(seq).await?;
            let key = format!(":{}-channels", name[..name.len() - 7].to_lowercase());
            assert!(keys.iter().any(|one| one.ends_with(&key)), "{keys:?}");
            let short = json!({"channels": order[1..]});
            assert_eq!(
                fixture.user_error_of(&arrange, short).await?,
                "INVALID channels"
            );
            let abroad = json!({"edition": "en", "channels": order});
            assert_eq!(
                fixture.user_error_of(&arrange, abroad).await?,
                "NOT_FOUND channels.0"
            );
            for (verb, input) in [
                ("create", json!({"name": "قناة", "platform": "X"})),
                ("update", json!({"id": order[0]})),
                ("delete", json!({"id": order[0]})),
            ] {
                let mut input = input;
                if name == "LiveChannel" && verb == "create" {
                    input = json!({"name": "قناة"});
                }
                let document = mutation(&format!("{verb}{name}"), "idempotencyKey");
                let code = fixture.refused(&writer, &document, input).await?;
                assert_eq!(code, "FORBIDDEN", "{verb}{name}");
            }
            let code = fixture
                .refused(&writer, &arrange, json!({"channels": order}))
                .await?;
            assert_eq!(code, "FORBIDDEN");
        }
    }
    Ok(())
}

#[tokio::test]
async fn concurrent_channel_changes_leave_no_gap() -> anyhow::Result<()> {
    let create = mutation("createLiveChannel", "liveChannel { id }");
    let delete = mutation("deleteLiveChannel", "deletedId");
    for fixture in Fixture::each().await? {
        for round in 0..3 {
            let first = ids(&fixture, "liveChannels").await?[0].clone();
            let writes = [
                (&create, json!({"name": "أولى", "position": 0})),
                (&delete, json!({"id": first})),
                (&create, json!({"name": "أخيرة"})),
            ];
            let writes = writes.map(|(document, input)| fixture.mutate(document, input));
            futures::future::try_join_all(writes).await?;
            fixture.check_invariants().await?;
            assert_eq!(ids(&fixture, "liveChannels").await?.len(), 4 + round);
        }
    }
    Ok(())
}
