DROP TABLE redirect;
DROP TABLE correction;
DROP TABLE revision;
DROP INDEX article_on_desk;
DROP TABLE article_desk;
