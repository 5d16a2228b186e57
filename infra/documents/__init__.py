"""Papers filled from aggregates: templates as versioned data, and what turns them into .docx files."""
