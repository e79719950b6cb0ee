"""What a person looks at: tables, summaries, reports, progress."""
