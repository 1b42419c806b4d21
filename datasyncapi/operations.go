package datasyncapi

// Operation is one of DataSync's operations and what this server does with it.
type Operation struct {
	Name string
	// Refusal says why the operation is refused; empty if it is supported.
	Refusal string
}

// Supported says whether the operation is carried out.
func (o Operation) Supported() bool { return o.Refusal == "" }

// Operations returns all operations of DataSync's model, in order of their names.
func Operations() []Operation {
	const (
		agents = "its agent is built in and cannot be created or deleted"
		smb    = "it has no driver for SMB"
		nfs    = "it has no driver for NFS"
		hdfs   = "it has no driver for HDFS"
		azure  = "it has no driver for Azure Blob Storage"
		efs    = "Amazon EFS file systems cannot be reached from it"
		fsx    = "Amazon FSx file systems cannot be reached from it"
	)
	return []Operation{
		{"CancelTaskExecution", ""},
		{"CreateAgent", agents},
		{"CreateLocationAzureBlob", azure},
		{"CreateLocationEfs", efs},
		{"CreateLocationFsxLustre", fsx},
		{"CreateLocationFsxOntap", fsx},
		{"CreateLocationFsxOpenZfs", fsx},
		{"CreateLocationFsxWindows", fsx},
		{"CreateLocationHdfs", hdfs},
		{"CreateLocationNfs", nfs},
		{"CreateLocationObjectStorage", ""},
		{"CreateLocationS3", ""},
		{"CreateLocationSmb", smb},
		{"CreateTask", ""},
		{"DeleteAgent", agents},
		{"DeleteLocation", ""},
		{"DeleteTask", ""},
		{"DescribeAgent", ""},
		{"DescribeLocationAzureBlob", azure},
		{"DescribeLocationEfs", efs},
		{"DescribeLocationFsxLustre", fsx},
		{"DescribeLocationFsxOntap", fsx},
		{"DescribeLocationFsxOpenZfs", fsx},
		{"DescribeLocationFsxWindows", fsx},
		{"DescribeLocationHdfs", hdfs},
		{"DescribeLocationNfs", nfs},
		{"DescribeLocationObjectStorage", ""},
		{"DescribeLocationS3", ""},
		{"DescribeLocationSmb", smb},
		{"DescribeTask", ""},
		{"DescribeTaskExecution", ""},
		{"ListAgents", ""},
		{"ListLocations", ""},
		{"ListTagsForResource", ""},
		{"ListTaskExecutions", ""},
		{"ListTasks", ""},
		{"StartTaskExecution", ""},
		{"TagResource", ""},
		{"UntagResource", ""},
		{"UpdateAgent", ""},
		{"UpdateLocationAzureBlob", azure},
		{"UpdateLocationEfs", efs},
		{"UpdateLocationFsxLustre", fsx},
		{"UpdateLocationFsxOntap", fsx},
		{"UpdateLocationFsxOpenZfs", fsx},
		{"UpdateLocationFsxWindows", fsx},
		{"UpdateLocationHdfs", hdfs},
		{"UpdateLocationNfs", nfs},
		{"UpdateLocationObjectStorage", ""},
		{"UpdateLocationS3", ""},
		{"UpdateLocationSmb", smb},
		{"UpdateTask", ""},
		{"UpdateTaskExecution", ""},
	}
}
